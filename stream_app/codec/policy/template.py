"""The commented policy that `stream-app policy init` writes: every section with its default, ready to be changed."""

TEMPLATE = """\
# A shop's policy: the thresholds behind every status. Check it with `stream-app policy check FILE`,
# publish it with `stream-app policy publish FILE`. Money is in minor units (cents) of `currency`.

# shop: acme                    # without a shop it is the default for every shop that has no policy of its own
version: 1                      # count up with each change
time_zone: UTC                  # IANA name, like Europe/Amsterdam: days begin at its midnight
currency: EUR                   # required; orders in another currency are rejected

margin_pct: 40                  # the margin of an order that carries no cost of its own

# Which categories of an order line belong together. A category belongs to one group; all others are the group default.
product_groups:
  wine: [red wine, white wine]
  shoes: [sneakers, boots]

# How long a customer may be silent before he counts as inactive, per product group.
#   own_rhythm: from his own gaps; prior_days and prior_weight help out while he has few
#   fixed:      the same days for everybody
#   alive:      r, alpha, a, b of an MBG/NBD model in days, and the probability theta at which patience ends;
#               with gamma_gamma: {p, q, v}, the model of a purchase's margin, future value is the model's too
rhythm:
  default: {method: own_rhythm, prior_days: 60, prior_weight: 2, factor_pct: 250, min_days: 30, max_days: 730}
  wine: {method: own_rhythm, prior_days: 10, prior_weight: 2, factor_pct: 300, min_days: 14, max_days: 120}
  shoes: {method: fixed, days: 400}

churn_risk: {medium_pct: 50, high_pct: 80}      # parts of that patience
winback: {cooling_days: 90, gone_days: 365}     # tiers after it

# live_since: 2026-03-01T00:00:00Z              # changes before it are backfill: they start no win-back and no service level
clock: wall                                     # events: only event times and watermarks move time (for playing history)

window_days: 365                                # value and measures look back so far
horizon_days: 365                               # and future value so far ahead
costs:
  channel: {email: 5, mailing: 150, phone: 600, visit: 12000, chat: 200, other: 100}
  refund: 500
  annual_rate_pct: 8                            # what late payment costs
value: {referral: 2500, feedback: 500}

# The score, 0 to 100: each band map gives the points of the highest threshold reached, 0 below the first.
criteria:
  - {measure: value_now, weight: 3, bands: {0: 20, 5000: 50, 25000: 100}}
  - {measure: referrals, weight: 1, bands: {1: 60, 3: 100}}
classes: {by: score, A: 70, B: 40}              # C below
downgrade_dwell_days: 30                        # a lower class must last so long before it counts
labels: {A: gold, B: silver, C: bronze}

# Segments: the first rule whose conditions all hold; without conditions a rule always matches. A condition compares a measure, or
# lifecycle, churn_risk, winback, opportunity or class, with is, in, at_least or below. The rule exit is reserved: whom to part with,
# unless he brings others in, has given accepted feedback, is new, or is strong in an assessed criterion.
segments:
  - {name: exit, value_now_below: 0, value_future_below: 1000, strategic_below: 40, exit_dwell_days: 60, min_age_days: 180,
     protect_criteria: {default: 80}}
  - {name: promising, when: [{measure: churn_risk, is: low}, {measure: product_groups, at_least: 2}]}
service_levels: {segment: {exit: exit}, class: {A: premium, B: standard, C: basic}}

# How often a customer may be contacted, and for which share of his value: by class, else the default. What is left out sets no limit.
contact:
  A: {max_contacts: 8, per_days: 30, max_silence_days: 45, budget_pct: 20, channels: {phone: {max_contacts: 1, per_days: 60}}}
  default: {max_contacts: 2, per_days: 30, max_silence_days: 365, budget_pct: 5}

# Opportunity: revenue that grows to so much of that of the days before, and groups that go with what was bought.
opportunity: {growth_pct: 150, growth_days: 90}
cross_sell: {shoes: [wine]}

# How long single events are remembered: duplicates, events that wait for their order, open orders.
horizons: {dedup_days: 30, pending_days: 30, ledger_days: 730, suppress_days: 400}
"""
