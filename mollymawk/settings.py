"""Settings, all from the environment (``mollymawk.env``); ``docs/deployment.md`` lists them."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from mollymawk.env import database, env_bool, env_choice, env_int, env_list, env_networks, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# --- where things are ---------------------------------------------------------------------------
DATA_DIR = Path(env_str("DATA_DIR", str(BASE_DIR / "var"))).absolute()
IMAGE_DIR = Path(env_str("IMAGE_DIR", str(DATA_DIR / "images"))).absolute()
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "spool")
SITE_URL = env_str("SITE_URL", "http://127.0.0.1:8000").rstrip("/")

# --- secrets ------------------------------------------------------------------------------------
DEBUG = env_bool("DEBUG", default=False)
SECRET_KEY = env_str("SECRET_KEY")
# Newest first: the first one seals, all of them open. Each is 32 bytes in URL-safe base64.
ENCRYPTION_KEYS = env_list("ENCRYPTION_KEYS")
if not ENCRYPTION_KEYS:
    raise ImproperlyConfigured("ENCRYPTION_KEYS is not set; make one with: manage.py generate_key")
# Newest first, "number:secret": tokens are hashed with the pepper whose number they carry.
TOKEN_PEPPERS = env_list("TOKEN_PEPPERS") or [f"1:{SECRET_KEY}"]
# For whom workflows have to have their identities made; theirs are exchanged for short tokens.
OIDC_AUDIENCE = env_str("OIDC_AUDIENCE", SITE_URL)
TOKENS_WITHOUT_EXPIRY = env_bool("TOKENS_WITHOUT_EXPIRY", default=False)

# --- Django -------------------------------------------------------------------------------------
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", f"127.0.0.1,localhost,[::1],{urlsplit(SITE_URL).hostname}")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
ROOT_URLCONF = "mollymawk.urls"
ASGI_APPLICATION = "mollymawk.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
SITE_ID = 1

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "mollymawk",
    "albatross",
    "accounts",
    "unikernels",
]

MIDDLEWARE = [
    "mollymawk.middleware.request_id",
    "mollymawk.middleware.guarded",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mollymawk.middleware.no_nul",  # what it refuses has the headers above, too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.seen",
    "accounts.proof.answers_unproven",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "unikernels.pages.site.frame",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]

DATABASES = {"default": database(env_str("DATABASE_URL", f"sqlite:///{DATA_DIR}/mollymawk.sqlite3"))}

# --- people -------------------------------------------------------------------------------------
# One backend: a second one would hash each password twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_CHANGE_EMAIL = True  # one address for each person; a new one counts once it is verified
# Who may register, and whether a superuser lets each of them in: see accounts.registration.
REGISTRATION = env_choice("REGISTRATION", "open", ("open", "invite", "closed"))
REGISTRATION_APPROVAL = env_bool("REGISTRATION_APPROVAL", default=REGISTRATION != "invite")
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Mollymawk: "
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "signup": "accounts.forms.SignupForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to addresses that only somebody else typed in
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session stays; all others end
ACCOUNT_SESSION_REMEMBER = True
# Added to allauth's own, which stay on. `key` is the account that somebody tries to get into.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/5m/ip,10/5m/key",
    "login_failed_told": "1/5m/key",
    "login_failed_nameless": "100/h/key",
    "second_factor": "5/5m/user,20/h/user,50/d/user",
    "setup": "5/m/ip",
    "oidc": "30/m/ip",
}
# Login with an account elsewhere, by OpenID Connect: off without an issuer.
OIDC_ISSUER = env_str("OIDC_ISSUER", "").strip()
OIDC_NAME = env_str("OIDC_NAME", "").strip()
OIDC_CLIENT_ID = env_str("OIDC_CLIENT_ID", "").strip()
OIDC_CLIENT_SECRET = env_str("OIDC_CLIENT_SECRET", "")
# Whether an address that the issuer has confirmed leads into the account that is here with it.
OIDC_TRUSTS_EMAIL = env_bool("OIDC_TRUSTS_EMAIL", default=False)
SOCIALACCOUNT_ADAPTER = "accounts.oidc.adapter.SocialAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "authenticate": "accounts.factors.AuthenticateForm",
    "reauthenticate": "accounts.factors.ReauthenticateForm",
    "login_webauthn": "accounts.factors.LoginPasskeyForm",
    "authenticate_webauthn": "accounts.factors.AuthenticatePasskeyForm",
    "reauthenticate_webauthn": "accounts.factors.ReauthenticatePasskeyForm",
    "add_webauthn": "accounts.factors.AddPasskeyForm",
}
MFA_TOTP_ISSUER = "Mollymawk"
MFA_TOTP_TOLERANCE = 1  # steps of 30 s: phones and servers differ by seconds (RFC 6238, 5.2)
# A superuser has looked at each account before it can log in; mail may not even be configured.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Of whom the installation demands a second factor; teams may demand it of their members.
SECOND_FACTOR = env_choice("SECOND_FACTOR", "none", ("none", "superusers", "all"))
# The limits on logins, resets and set-up are counted here: shared by all web processes, and working
# while the broker is away.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # Above it entries are dropped at random; with few, a flood of names would lift the limits.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
# Networks of the proxies in front of us. Only what they write into X-Forwarded-For is believed, and
# X-Forwarded-Proto only when there are any.
TRUSTED_PROXIES = env_networks("TRUSTED_PROXIES")
# Networks from where everybody may read /metrics without a token: the monitoring, nobody else.
METRICS_NETWORKS = env_networks("METRICS_NETWORKS")

# --- mail ---------------------------------------------------------------------------------------
# Without a server mail is written to standard output, for whoever tries things out.
EMAIL_HOST = env_str("EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env_int("EMAIL_PORT", 587, low=1, high=65535)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", default=EMAIL_PORT == 587)
EMAIL_TIMEOUT = 10  # seconds; somebody waits for the page
# Where mail goes out, an address counts once the link in a mail to it was opened.
EMAIL_VERIFICATION = env_bool("EMAIL_VERIFICATION", default=bool(EMAIL_HOST))
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_VERIFICATION else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_HOST)  # of passwords and second factors that were changed
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env_str("DEFAULT_FROM_EMAIL", "mollymawk@localhost")

# --- broker, streams ----------------------------------------------------------------------------
REDIS_URL = env_str("REDIS_URL", f"unix://{DATA_DIR}/valkey.sock")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)

# --- limits of tasks ----------------------------------------------------------------------------
MAX_IMAGE_BYTES = env_int("MAX_IMAGE_MB", 512, low=1, high=4096) * 2**20
SLOWEST_STREAM = 256 * 1024  # bytes a second; an instance that takes an image slower than this is given up
MAX_BLOCK_BYTES = env_int("MAX_BLOCK_MB", 8192, low=1, high=1024 * 1024) * 2**20  # of a file with content
BLOCK_FILE_DAYS = env_int("BLOCK_FILE_DAYS", 7, low=1, high=365)  # that such a file is kept
CELERY_TASK_SOFT_TIME_LIMIT = 600 + max(MAX_IMAGE_BYTES, MAX_BLOCK_BYTES) // SLOWEST_STREAM
CELERY_TASK_TIME_LIMIT = CELERY_TASK_SOFT_TIME_LIMIT + 60
# Redis delivers a message again after the visibility time-out: harmless (a second wake-up), but noisy.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_TASK_TIME_LIMIT + 60,
    "socket_connect_timeout": 2,
}

# --- operations, watcher ------------------------------------------------------------------------
INVENTORY_SECONDS = env_int("INVENTORY_SECONDS", 10, low=1, high=3600)
ROLLBACK_WINDOW_SECONDS = env_int("ROLLBACK_WINDOW_SECONDS", 600, low=0, high=7 * 86_400)
# Of each unikernel the newest so many versions keep their bytes, and all that are younger than so many days.
VERSIONS_KEPT = env_int("VERSIONS_KEPT", 10, low=2, high=1000)
VERSION_DAYS_KEPT = env_int("VERSION_DAYS_KEPT", 30, low=0, high=3650)

# --- audit --------------------------------------------------------------------------------------
AUDIT_DAYS = env_int("AUDIT_DAYS", 400, low=30, high=36_500)  # that events are kept

# --- statistics ---------------------------------------------------------------------------------
STATISTICS_HOURS = env_int("STATISTICS_HOURS", 24, low=1, high=168)  # that samples of 10 s are kept
STATISTICS_DAYS = env_int("STATISTICS_DAYS", 30, low=1, high=400)  # that means of 5 min are kept

# --- builds, checks, updates --------------------------------------------------------------------
# The builder-web server that a new database begins with; empty: none. More are added by superusers.
DEFAULT_BUILDER = env_str("DEFAULT_BUILDER", "https://builds.robur.coop")
POLL_SECONDS = env_int("POLL_SECONDS", 900, low=10, high=86_400)  # between two questions for newer builds
CHECK_RESULT_DAYS = env_int("CHECK_RESULT_DAYS", 7, low=1, high=365)  # single results; ups and downs stay
AUTOMATIC_AT_ONCE = env_int("AUTOMATIC_AT_ONCE", 2, low=1, high=100)  # automatic upgrades of one instance

# Only `up` and the tests set this: checks may then reach the simulated unikernels on 127.77.0.0/16.
CHECK_SIMULATED_NETWORK = env_bool("CHECK_SIMULATED_NETWORK", default=False)
SIMULATED_NETWORK = ipaddress.ip_network("127.77.0.0/16")
# Only `up` sets this: the page offers example images for download.
EXAMPLE_IMAGES = env_bool("EXAMPLE_IMAGES", default=False)

# --- API ----------------------------------------------------------------------------------------
# Of one credential and web process; 0: as many as come. A program that polls each second asks 60 times.
API_REQUESTS_PER_MINUTE = env_int("API_REQUESTS_PER_MINUTE", 1200, low=0, high=1_000_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mollymawk.rest.negotiation.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "mollymawk.rest.schema.EndpointSchema",
    "EXCEPTION_HANDLER": "mollymawk.rest.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mollymawk",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["mollymawk.rest.schema.describe_problems"],
}

# --- security headers ---------------------------------------------------------------------------
SECURE_TRANSPORT = env_bool("SECURE_TRANSPORT", default=SITE_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_TRANSPORT
SESSION_SERIALIZER = "mollymawk.sessions.SealedSerializer"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_TRANSPORT else 0
# The proxy that speaks TLS redirects what comes without (W008). What else runs below the name of this
# host, and whether browsers may build the name in, its owner says there (W005, W021).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "img-src": [SELF, "data:"],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- static files -------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True

# --- language, time -----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "mollymawk.middleware.OneLine",
            "format": "{asctime} {levelname} {name} {request_name} {message}",
            "style": "{",
        }
    },
    "filters": {"request": {"()": "mollymawk.middleware.WithRequest"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.template": {"level": "INFO"},  # below it, whole contexts are written down, secrets too
        "celery": {"level": "WARNING"},  # each task says when it comes and goes, the sweep too
        "urllib3": {"level": "ERROR"},  # builder-web states a length for what it sends in chunks, each time
    },
}
