"""The tables of prices: the only SQL over bars, their revisions, earnings days, and symbols.

In: bars that passed the checks. Out: bar and event frames, and each symbol's status. Reads are for every room; what
writes is called by `checks` and `refresh`.
"""

from app.prices.store.changes import MOST_CHANGES as MOST_CHANGES
from app.prices.store.changes import Action as Action
from app.prices.store.changes import Revision as Revision
from app.prices.store.changes import actions as actions
from app.prices.store.changes import revisions as revisions
from app.prices.store.earnings import earnings_days as earnings_days
from app.prices.store.earnings import event_rows as event_rows
from app.prices.store.earnings import events as events
from app.prices.store.earnings import events_version as events_version
from app.prices.store.read import LastBar as LastBar
from app.prices.store.read import as_known as as_known
from app.prices.store.read import bar_columns as bar_columns
from app.prices.store.read import bar_rows as bar_rows
from app.prices.store.read import codes as codes
from app.prices.store.read import data_version as data_version
from app.prices.store.read import exchanges as exchanges
from app.prices.store.read import history as history
from app.prices.store.read import last_bars as last_bars
from app.prices.store.read import last_closes as last_closes
from app.prices.store.read import panel as panel
from app.prices.store.read import series as series
from app.prices.store.read import symbol_versions as symbol_versions
from app.prices.store.read import unwatch as unwatch
from app.prices.store.read import was_known as was_known
from app.prices.store.read import watch as watch
from app.prices.store.read import watchlist as watchlist
from app.prices.store.statuses import Statuses as Statuses
from app.prices.store.statuses import SymbolStatus as SymbolStatus
from app.prices.store.statuses import status as status
from app.prices.store.statuses import statuses as statuses
from app.prices.store.tables import EarningsDay as EarningsDay
from app.prices.store.write import upsert as upsert
