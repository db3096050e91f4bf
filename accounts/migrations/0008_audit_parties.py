"""Events that were written before tell who, of which team, too. Nothing else of them changes."""

from django.db import migrations

FILL = """
UPDATE accounts_event SET
who = COALESCE((SELECT email FROM accounts_user WHERE id = actor_id), ''),
team_name = COALESCE((SELECT name FROM accounts_team WHERE id = team_id), ''),
parties = TRIM(COALESCE('user:' || actor_id, '') || COALESCE(' team:' || team_id, '')
|| COALESCE(' instance:' || instance_id, ''))
WHERE parties = '' AND (actor_id IS NOT NULL OR team_id IS NOT NULL OR instance_id IS NOT NULL)
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_audit")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
