"""How people buy in a trade, one part per sector; None is the general one, a shop of wine and shoes.

The rhythms are assumptions of the trade, not measurements, and the documents say so.
"""

from stream_app.codec.policy.starters.parts import Numbers, Sector

REPLACE = """\
  # Assumptions of the trade, not measurements: replace them by your own repeat purchase rate, the usual days from one purchase to
  # the next among those who buy again. Patience is factor_pct of the days expected, within min_days and max_days."""

GENERAL = Sector(
    words="",
    margin_pct=40,
    product_groups="""\
  wine: [red wine, white wine]
  shoes: [sneakers, boots]""",
    rhythm="""\
  default: {method: own_rhythm, prior_days: 60, prior_weight: 2, factor_pct: 250, min_days: 30, max_days: 730}
  wine: {method: own_rhythm, prior_days: 10, prior_weight: 2, factor_pct: 300, min_days: 14, max_days: 120}
  shoes: {method: fixed, days: 400}""",
    winback="{cooling_days: 90, gone_days: 365}     # tiers after it",
    channel="{email: 5, mailing: 150, phone: 600, visit: 12000, chat: 200, other: 100}",
    costs="""\
  refund: 500
  annual_rate_pct: 8                            # what late payment costs""",
    value="{referral: 2500, feedback: 500}",
    contact="""\
  A: {max_contacts: 8, per_days: 30, max_silence_days: 45, budget_pct: $budget_a, channels: {phone: {max_contacts: 1, per_days: 60}}}
  default: {max_contacts: 2, per_days: 30, max_silence_days: 365, budget_pct: $budget_default}""",
    cross_sell="{shoes: [wine]}",
    numbers=Numbers(30, 2_000, 2_500, 10_000, 25_000, few=2, some=5, many=12, young_days=180),
)

WINE = Sector(
    words="a bottle or a box for the week; margins are fair, tastings and letters bring people back.",
    margin_pct=35,
    product_groups="""\
  wine: [red wine, white wine, rose wine]
  sparkling: [champagne, prosecco, cava]
  spirits: [whisky, gin, port]
  glasses: [wine glasses, decanters, corkscrews]""",
    rhythm=REPLACE
    + """
  default: {method: own_rhythm, prior_days: 30, prior_weight: 2, factor_pct: 250, min_days: 21, max_days: 180}     # by the way: monthly
  wine: {method: own_rhythm, prior_days: 7, prior_weight: 2, factor_pct: 300, min_days: 14, max_days: 90}          # for the table: weekly
  sparkling: {method: own_rhythm, prior_days: 45, prior_weight: 2, factor_pct: 250, min_days: 30, max_days: 240}   # to celebrate
  spirits: {method: own_rhythm, prior_days: 60, prior_weight: 2, factor_pct: 250, min_days: 45, max_days: 240}     # a bottle lasts
  glasses: {method: fixed, days: 90}                                  # no rhythm; a long patience would hide that the wine has stopped""",
    winback="{cooling_days: 30, gone_days: 180}     # tiers after it; a weekly habit finds another shop within weeks",
    channel="{email: 5, mailing: 150, phone: 600, visit: 8000, chat: 200, other: 100}",
    costs="""\
  refund: 600                                   # a box that comes back
  annual_rate_pct: 8                            # what late payment costs""",
    value="{referral: 2500, feedback: 500}",
    contact="""\
  A: {max_contacts: 6, per_days: 30, max_silence_days: 21, budget_pct: $budget_a, channels: {phone: {max_contacts: 1, per_days: 60}}}
  B: {max_contacts: 4, per_days: 30, max_silence_days: 45, budget_pct: $budget_b}
  default: {max_contacts: 2, per_days: 30, max_silence_days: 120, budget_pct: $budget_default}""",
    cross_sell="{wine: [sparkling], sparkling: [wine, glasses], glasses: [wine]}",
    numbers=Numbers(7, 1_000, 5_000, 20_000, 50_000, few=4, some=12, many=30, young_days=90),
)

SHOES = Sector(
    words="a pair for summer and a pair for winter; who comes once a year is not lost. Many parcels come back.",
    margin_pct=45,
    product_groups="""\
  shoes: [sneakers, boots, sandals, pumps]
  children's shoes: [children's sneakers, children's boots]
  bags: [handbags, backpacks]
  belts: [belts]
  care: [polish, insoles, laces]""",
    rhythm=REPLACE
    + """
  default: {method: own_rhythm, prior_days: 182, prior_weight: 2, factor_pct: 250, min_days: 270, max_days: 730}           # with the pairs
  shoes: {method: own_rhythm, prior_days: 182, prior_weight: 2, factor_pct: 250, min_days: 400, max_days: 730}             # twice a year
  children's shoes: {method: own_rhythm, prior_days: 120, prior_weight: 2, factor_pct: 250, min_days: 200, max_days: 500}  # feet grow
  bags: {method: fixed, days: 540}                                                                                       # by the fashion
  belts: {method: fixed, days: 540}                                                                                      # by the fashion
  care: {method: own_rhythm, prior_days: 150, prior_weight: 2, factor_pct: 250, min_days: 200, max_days: 500}              # a tin lasts""",
    winback="{cooling_days: 180, gone_days: 730}    # tiers after it: a season, and two years",
    channel="{email: 5, mailing: 150, phone: 600, visit: 8000, chat: 200, other: 100}",
    costs="""\
  refund: 700                                   # a parcel that comes back
  annual_rate_pct: 8                            # what late payment costs""",
    value="{referral: 2000, feedback: 500}",
    contact="""\
  A: {max_contacts: 3, per_days: 30, max_silence_days: 120, budget_pct: $budget_a, channels: {mailing: {max_contacts: 2, per_days: 182}}}
  B: {max_contacts: 2, per_days: 30, max_silence_days: 182, budget_pct: $budget_b}
  default: {max_contacts: 1, per_days: 30, max_silence_days: 365, budget_pct: $budget_default}""",
    cross_sell="{shoes: [bags], bags: [belts], belts: [shoes], children's shoes: [shoes, care]}",
    # Two years, so that more than two purchases are seen.
    numbers=Numbers(182, 3_500, 7_000, 20_000, 45_000, few=2, some=4, many=6, young_days=365, window_days=730, growth_days=365),
    ledger_days=1_100,
)

GROCERY = Sector(
    words="every few days, on thin margins; a fortnight's silence means another shop. No visits, and cheap contacts only.",
    margin_pct=22,
    product_groups="""\
  groceries: [dry groceries, frozen, drinks]
  fresh: [fruit, vegetables, salad]
  bakery: [bread, pastry]
  meat and fish: [meat, fish, delicatessen]
  household: [cleaning, paper, personal care]""",
    rhythm=REPLACE
    + """
  default: {method: own_rhythm, prior_days: 10, prior_weight: 3, factor_pct: 250, min_days: 14, max_days: 60}        # by the way
  groceries: {method: own_rhythm, prior_days: 4, prior_weight: 3, factor_pct: 300, min_days: 10, max_days: 45}       # every few days
  fresh: {method: own_rhythm, prior_days: 4, prior_weight: 3, factor_pct: 300, min_days: 10, max_days: 45}           # it does not keep
  bakery: {method: own_rhythm, prior_days: 3, prior_weight: 3, factor_pct: 300, min_days: 10, max_days: 45}          # bread: twice a week
  meat and fish: {method: own_rhythm, prior_days: 7, prior_weight: 3, factor_pct: 300, min_days: 14, max_days: 45}   # weekly
  household: {method: own_rhythm, prior_days: 14, prior_weight: 3, factor_pct: 250, min_days: 21, max_days: 60}      # fortnightly""",
    winback="{cooling_days: 14, gone_days: 90}      # tiers after it: a new habit is made within weeks",
    channel="{email: 2, mailing: 60, phone: 500, visit: 8000, chat: 150, other: 50}",
    costs="""\
  refund: 300
  annual_rate_pct: 8                            # what late payment costs""",
    value="{referral: 1500, feedback: 300}",
    contact="""\
  A: {max_contacts: 8, per_days: 30, max_silence_days: 14, budget_pct: $budget_a, channels: {mailing: {max_contacts: 2, per_days: 30}}}
  B: {max_contacts: 6, per_days: 30, max_silence_days: 21, budget_pct: $budget_b}
  default: {max_contacts: 4, per_days: 30, max_silence_days: 60, budget_pct: $budget_default,
            channels: {phone: {max_contacts: 0, per_days: 30}}}""",
    cross_sell="{groceries: [fresh], fresh: [bakery], bakery: [groceries], household: [groceries, fresh]}",
    numbers=Numbers(4, 600, 5_000, 25_000, 60_000, few=10, some=40, many=80, young_days=60),
)

B2B_WHOLESALE = Sector(
    words="orders on account, fortnightly to monthly; people visit and phone their customers, and invoices are paid late.",
    margin_pct=25,
    product_groups="""\
  supplies: [consumables, packaging, stationery]
  ingredients: [raw materials, food service]
  cleaning: [cleaning agents, hygiene]
  equipment: [machines, tools, furniture]""",
    rhythm=REPLACE
    + """
  default: {method: own_rhythm, prior_days: 30, prior_weight: 2, factor_pct: 250, min_days: 45, max_days: 365}       # monthly
  supplies: {method: own_rhythm, prior_days: 21, prior_weight: 2, factor_pct: 250, min_days: 30, max_days: 180}      # every third week
  ingredients: {method: own_rhythm, prior_days: 14, prior_weight: 2, factor_pct: 250, min_days: 28, max_days: 120}   # fortnightly
  cleaning: {method: own_rhythm, prior_days: 30, prior_weight: 2, factor_pct: 250, min_days: 45, max_days: 240}      # monthly
  equipment: {method: fixed, days: 120}                           # no rhythm; a long patience would hide that the supplies have stopped""",
    winback="{cooling_days: 60, gone_days: 365}     # tiers after it: a contract year",
    channel="{email: 10, mailing: 250, phone: 1200, visit: 15000, chat: 400, other: 200}",
    costs="""\
  refund: 3500                                  # a pallet that comes back
  annual_rate_pct: 9                            # what late payment costs; invoices are large""",
    value="{referral: 50000, feedback: 5000}",
    contact="""\
  A: {max_contacts: 6, per_days: 30, max_silence_days: 30, budget_pct: $budget_a,
      channels: {visit: {max_contacts: 1, per_days: 30}, phone: {max_contacts: 2, per_days: 30}}}
  B: {max_contacts: 4, per_days: 30, max_silence_days: 60, budget_pct: $budget_b,
      channels: {visit: {max_contacts: 1, per_days: 90}, phone: {max_contacts: 1, per_days: 30}}}
  default: {max_contacts: 2, per_days: 30, max_silence_days: 180, budget_pct: $budget_default,
            channels: {visit: {max_contacts: 0, per_days: 365}}}""",
    cross_sell="{supplies: [cleaning], cleaning: [supplies], ingredients: [supplies, equipment]}",
    numbers=Numbers(21, 10_000, 50_000, 250_000, 1_000_000, few=4, some=10, many=20, young_days=180),
)

SECTORS: dict[str | None, Sector] = {None: GENERAL, "wine": WINE, "shoes": SHOES, "grocery": GROCERY, "b2b-wholesale": B2B_WHOLESALE}
