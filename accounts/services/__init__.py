"""What can be done about people, teams and tokens. Every door leads through here."""

from accounts.services.sessions import session_end, session_list, sessions_end
from accounts.services.setup import needs_setup, setup_token_issue, setup_token_redeem
from accounts.services.teams import (
    member_add,
    member_join,
    member_remove,
    member_set,
    personal_team_ensure,
    second_factor_demand,
    team_create,
    team_transfer,
)
from accounts.services.tokens import (
    describe,
    token_admit,
    token_find,
    token_issue,
    token_list,
    token_revoke,
    token_used,
)
from accounts.services.users import (
    accounts_waiting,
    password_set,
    second_factors_remove,
    superuser_set,
    user_activate,
    user_add,
    user_deactivate,
    user_register,
)

__all__ = [
    "accounts_waiting",
    "describe",
    "member_add",
    "member_join",
    "member_remove",
    "member_set",
    "needs_setup",
    "password_set",
    "personal_team_ensure",
    "second_factor_demand",
    "second_factors_remove",
    "session_end",
    "session_list",
    "sessions_end",
    "setup_token_issue",
    "setup_token_redeem",
    "superuser_set",
    "team_create",
    "team_transfer",
    "token_admit",
    "token_find",
    "token_issue",
    "token_list",
    "token_revoke",
    "token_used",
    "user_activate",
    "user_add",
    "user_deactivate",
    "user_register",
]
