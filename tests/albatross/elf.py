"""Minimal ELF files with Solo5 notes, and with whatever is wrong in them."""

import struct

MFT1, ABI1 = 0x3154464D, 0x31494241
RESERVED_FIRST = 0x40000000
BLOCK, NET = 1, 2
TARGETS = {"hvt": 1, "spt": 2, "virtio": 3, "muen": 4, "genode": 5, "xen": 6}


def note(kind: int, content: bytes, *, owner: bytes = b"Solo5\0", order: str = "<") -> bytes:
    head = struct.pack(f"{order}III", len(owner), len(content), kind) + owner
    return head + bytes(-len(head) % 4) + content


def abi(target: int = 1, version: int = 2, reserved: tuple[int, int] = (0, 0)) -> bytes:
    return struct.pack("<IIII", target, version, *reserved)


def entry(name: bytes, kind: int, *, contents: bytes = b"", backing: bytes = b"", attached: int = 0) -> bytes:
    return struct.pack("<68sI16s8sB7x", name, kind, contents, backing, attached)


def manifest(*entries: bytes, version: int = 1, count: int | None = None) -> bytes:
    """The content of a manifest note: RESERVED_FIRST and *entries*."""
    first = entry(b"", RESERVED_FIRST)
    return raw_manifest(first, *entries, version=version, count=count)


def raw_manifest(*entries: bytes, version: int = 1, count: int | None = None) -> bytes:
    head = struct.pack("<4xII", version, len(entries) if count is None else count)
    return head + b"".join(entries)


def elf(*sections: tuple[bytes, bytes], payload: bytes = b"", order: str = "<") -> bytes:
    """A 64-bit ELF file with these sections, a null section before and the names after them."""
    names = b"\0" + b"".join(name + b"\0" for name, _ in sections) + b".shstrtab\0"
    body, headers = bytearray(64) + payload, [bytes(64)]
    for name, content in [*sections, (b".shstrtab", names)]:
        body += bytes(-len(body) % 8)
        headers.append(
            struct.pack(f"{order}IIQQQQIIQQ", names.index(name), 7, 0, 0, len(body), len(content), 0, 0, 4, 0)
        )
        body += content
    body += bytes(-len(body) % 8)
    data = 1 if order == "<" else 2
    table = struct.pack(f"{order}I4x", len(body))  # as it is read: 32 bits, in either order
    body[:64] = struct.pack(
        f"{order}4sBBBB8xHHIQQ8sIHHHHHH",
        *(b"\x7fELF", 2, data, 1, 0, 2, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, len(headers), len(headers) - 1),
    )
    return bytes(body) + b"".join(headers)


def image(
    *,
    target: str = "spt",
    version: int = 2,
    devices: tuple[tuple[str, int], ...] = (),
    payload: bytes = b"",
    order: str = "<",
) -> bytes:
    """A good image."""
    entries = [entry(name.encode(), kind) for name, kind in devices]
    return image_of(abi(TARGETS[target], version), manifest(*entries), payload=payload, order=order)


def image_of(abi_content: bytes, manifest_content: bytes, *, payload: bytes = b"", order: str = "<") -> bytes:
    """An image whose notes have these contents."""
    return elf(
        (b".note.solo5.abi", note(ABI1, abi_content, order=order)),
        (b".note.solo5.manifest", note(MFT1, manifest_content, order=order)),
        payload=payload,
        order=order,
    )
