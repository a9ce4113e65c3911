"""append-only: triggers refuse to change what was published, and scores are chained and may be revised.

Revision ID: 0003
Revises: 0002
"""

import json
from hashlib import sha256

import sqlalchemy as sa
import sqlmodel
from alembic import op

import app.core.db

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

TABLES = {
    'forecast': 'seq = NEW.seq OR id = NEW.id',
    'score': 'seq = NEW.seq OR (forecast_id = NEW.forecast_id AND revision = NEW.revision)',
    'decision': 'id = NEW.id',
}
"""Each append-only table, and which of its rows an insert may not replace (SQLite's REPLACE fires no DELETE trigger)."""

FIELDS = (
    ('forecast_id', sqlmodel.sql.sqltypes.AutoString(length=26), False),
    ('realised_close', sa.Float(), False),
    ('realised_return', sa.Float(), False),
    ('abs_error', sa.Float(), False),
    ('abs_error_random_walk', sa.Float(), False),
    ('hit_direction', sa.Boolean(), True),
    ('hit_50', sa.Boolean(), False),
    ('hit_80', sa.Boolean(), False),
    ('hit_95', sa.Boolean(), False),
    ('crps', sa.Float(), False),
    ('crps_random_walk', sa.Float(), False),
    ('pit', sa.Float(), False),
    ('scored_at', app.core.db.UtcDateTime(timezone=True), False),
)


def upgrade() -> None:
    """Apply."""
    rows = _taken()
    score = op.create_table('score',
    sa.Column('seq', sa.Integer(), nullable=False),
    *(sa.Column(name, kind, nullable=nullable) for name, kind, nullable in FIELDS),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('previous_hash', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.Column('hash', sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
    sa.ForeignKeyConstraint(['forecast_id'], ['forecast.id'], name=op.f('fk_score_forecast_id_forecast')),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_score')),
    sa.UniqueConstraint('forecast_id', 'revision', name=op.f('uq_score_forecast_id_revision'))
    )
    digest = '0' * 64
    for seq, row in enumerate(rows, start=1):
        previous, fields = digest, {**row, 'revision': 0}
        text = json.dumps(fields, sort_keys=True, default=lambda day: day.isoformat())
        digest = sha256((previous + text).encode()).hexdigest()
        op.get_bind().execute(score.insert(), {**fields, 'seq': seq, 'previous_hash': previous, 'hash': digest})
    for statement in _triggers():
        op.execute(statement)


def downgrade() -> None:
    """Undo; of each forecast the first score stays."""
    sqlite = op.get_bind().dialect.name == 'sqlite'
    for table in TABLES:
        for name in ('no_update', 'no_delete', 'no_replace') if sqlite else ('no_change', 'no_truncate'):
            op.execute(f'DROP TRIGGER {table}_{name}' + ('' if sqlite else f' ON {table}'))
    if not sqlite:
        op.execute('DROP FUNCTION refuse_change()')
    rows = _taken('WHERE revision = 0 ORDER BY seq')
    score = op.create_table('score',
    *(sa.Column(name, kind, nullable=nullable) for name, kind, nullable in FIELDS),
    sa.ForeignKeyConstraint(['forecast_id'], ['forecast.id'], name=op.f('fk_score_forecast_id_forecast')),
    sa.PrimaryKeyConstraint('forecast_id', name=op.f('pk_score'))
    )
    if rows:
        op.get_bind().execute(score.insert(), rows)


def _taken(which: str = 'ORDER BY scored_at, forecast_id') -> list[dict]:
    """Return the scores, and drop their table."""
    columns = [sa.column(name, kind) for name, kind, _ in FIELDS]
    query = sa.text(f'SELECT {", ".join(name for name, _, _ in FIELDS)} FROM score {which}').columns(*columns)
    rows = [dict(row) for row in op.get_bind().execute(query).mappings()]
    op.drop_table('score')
    return rows


def _triggers() -> list[str]:
    if op.get_bind().dialect.name == 'sqlite':
        refuse = "BEGIN SELECT RAISE(ABORT, '{0} is append-only'); END"
        one = (
            'CREATE TRIGGER {0}_no_update BEFORE UPDATE ON {0} ' + refuse,
            'CREATE TRIGGER {0}_no_delete BEFORE DELETE ON {0} ' + refuse,
            'CREATE TRIGGER {0}_no_replace BEFORE INSERT ON {0} WHEN EXISTS (SELECT 1 FROM {0} WHERE {1}) ' + refuse,
        )
        return [statement.format(table, same) for table, same in TABLES.items() for statement in one]
    function = (
        'CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS '
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    one = (
        'CREATE TRIGGER {0}_no_change BEFORE UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION refuse_change()',
        'CREATE TRIGGER {0}_no_truncate BEFORE TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    )
    return [function, *(statement.format(table) for table in TABLES for statement in one)]
