"""What a simulated name server answers."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from albatross.simulator.behaviour import Dns

TTL = 60


def dns_response(zone: Dns, query: bytes) -> bytes | None:
    """The answer of the authoritative server for *zone*; None to what is no query."""
    try:
        message = dns.message.from_wire(query)
        response = dns.message.make_response(message)
    except (dns.exception.DNSException, ValueError):
        return None
    try:
        response.set_rcode(_answer(zone, message, response))
    except dns.exception.DNSException:
        response.set_rcode(dns.rcode.SERVFAIL)  # its records cannot be read
    return response.to_wire()


def _answer(zone: Dns, query: dns.message.Message, response: dns.message.Message) -> dns.rcode.Rcode:
    """Put the records into *response*; the response code."""
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        return dns.rcode.NOTIMP
    question = query.question[0]
    origin = dns.name.from_text(zone.zone)
    if not question.name.is_subdomain(origin):
        return dns.rcode.REFUSED
    response.flags |= dns.flags.AA
    records = zone.records.get(question.name.relativize(origin).to_text().lower())
    if records is None:
        return dns.rcode.NXDOMAIN
    texts = records.get(dns.rdatatype.to_text(question.rdtype), [])
    if question.rdtype == dns.rdatatype.TXT:
        texts = [_quoted(text) for text in texts]
    if texts:
        response.answer.append(
            dns.rrset.from_text_list(question.name, TTL, dns.rdataclass.IN, question.rdtype, texts)
        )
    return dns.rcode.NOERROR


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
