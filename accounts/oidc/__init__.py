"""Coming in with an account elsewhere: an OpenID Connect issuer that the settings name, or none.

allauth drives the flow (state, PKCE, the code for tokens) and keeps who is who (``SocialAccount``); what
is asked of the issuer and believed of its answers stands in ``issuer``, who is let in in ``adapter``.
"""
