"""alerts.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import app.core.db

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('alert_rule',
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(length=26), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('symbol', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=True),
    sa.Column('level', sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True),
    sa.Column('threshold', sa.Float(), nullable=True),
    sa.Column('created_at', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_rule'))
    )
    op.create_table('alert',
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(length=26), nullable=False),
    sa.Column('rule_id', sqlmodel.sql.sqltypes.AutoString(length=26), nullable=True),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
    sa.Column('symbol', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=True),
    sa.Column('session', sa.Date(), nullable=True),
    sa.Column('title', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('text', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('key', sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    sa.UniqueConstraint('rule_id', 'key', name=op.f('uq_alert_rule_id_key'))
    )
    op.create_index('ix_alert_created_at', 'alert', ['created_at'], unique=False)
    op.create_table('alert_delivery',
    sa.Column('alert_id', sqlmodel.sql.sqltypes.AutoString(length=26), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_at', app.core.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('sent_at', app.core.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('error', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_delivery_alert_id_alert')),
    sa.PrimaryKeyConstraint('alert_id', 'channel', name=op.f('pk_alert_delivery'))
    )
    op.create_index('ix_alert_delivery_state_next_at', 'alert_delivery', ['state', 'next_at'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index('ix_alert_delivery_state_next_at', table_name='alert_delivery')
    op.drop_table('alert_delivery')
    op.drop_index('ix_alert_created_at', table_name='alert')
    op.drop_table('alert')
    op.drop_table('alert_rule')
