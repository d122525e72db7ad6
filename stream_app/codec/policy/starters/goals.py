"""What a shop may want most, one part per goal; None is the general one, of no goal in particular."""

from stream_app.codec.policy.starters.parts import Goal

GENERAL = Goal(
    words="",
    churn_risk="{medium_pct: 50, high_pct: 80}      # parts of that patience",
    criteria="""\
  - {measure: value_now, weight: 3, bands: {0: 20, 5000: 50, 25000: 100}}
  - {measure: referrals, weight: 1, bands: {1: 60, 3: 100}}""",
    classes="{by: score, A: 70, B: 40}              # C below",
    downgrade_dwell_days=30,
    segments="""\
  - {name: exit, value_now_below: 0, value_future_below: 1000, strategic_below: 40, exit_dwell_days: 60, min_age_days: 180,
     protect_criteria: {default: 80}}
  - {name: promising, when: [{measure: churn_risk, is: low}, {measure: product_groups, at_least: 2}]}""",
    service_levels="{segment: {exit: exit}, class: {A: premium, B: standard, C: basic}}",
    growth_pct=150,
    budget_a=20,
    budget_b=10,
    budget_default=5,
)

HIGHEST_VALUE = Goal(
    words="what a customer yields, now and in the year ahead, decides; who costs more than he yields is let go, with care.",
    churn_risk="{medium_pct: 50, high_pct: 80}      # parts of that patience",
    criteria="""\
  # Highest value: what he yields weighs seven of nine; a modest customer's, a good one's and an excellent one's yield are the steps.
  - {measure: value_total, weight: 4, bands: {0: 10, $total_low: 40, $total_mid: 70, $total_high: 100}}
  - {measure: value_now, weight: 3, bands: {0: 10, $value_low: 40, $value_mid: 70, $value_high: 100}}
  - {measure: referrals, weight: 1, bands: {1: 60, 3: 100}}
  - {measure: strategic, weight: 1, bands: {40: 50, 80: 100}}""",
    classes="{by: score, A: 65, B: 35}              # C below",
    downgrade_dwell_days=30,
    segments="""\
  # Highest value: the exit comes first and is strict, below one usual order's margin to come; all its protections are on.
  - {name: exit, value_now_below: 0, value_future_below: $order_margin, strategic_below: 40, exit_dwell_days: 60, min_age_days: $young_days,
     protect_criteria: {default: 70}}
  - {name: costs more than he yields, when: [{measure: value_now, below: 0}]}
  - {name: best, when: [{measure: class, is: A}, {measure: churn_risk, is: low}]}
  - {name: valuable and slipping away, when: [{measure: class, in: [A, B]}, {measure: churn_risk, in: [medium, high]}]}
  - {name: valuable and lost, when: [{measure: lifecycle, is: inactive}, {measure: value_now, at_least: $value_mid}]}
  - {name: could yield more, when: [{measure: class, is: B}, {measure: opportunity, in: [medium, high]}]}""",
    service_levels="{segment: {exit: exit}, class: {A: premium, B: standard, C: basic}}",
    growth_pct=150,
    budget_a=15,
    budget_b=8,
    budget_default=2,
)

LOWEST_RISK = Goal(
    words="nobody is to slip away unseen; who buys steadily is worth most, whatever he spends, and nobody is let go.",
    churn_risk="{medium_pct: 45, high_pct: 65}      # parts of that patience; early: soon after a usual gap has passed",
    criteria="""\
  # Lowest risk: how lately and how often he buys weighs seven of nine; the steps are two, four and six usual gaps. The dimension
  # churn_risk is no measure and cannot be a criterion: it leads the segments below.
  - {measure: recency_days, weight: 4, bands: {0: 100, $two_gaps: 60, $four_gaps: 20, $six_gaps: 0}}
  - {measure: occasions, weight: 3, bands: {$few: 30, $some: 60, $many: 100}}
  - {measure: late_days_average, weight: 1, bands: {0: 100, 8: 50, 31: 0}}
  - {measure: value_now, weight: 1, bands: {0: 50, $value_low: 100}}""",
    classes="{by: score, A: 70, B: 45}              # C below",
    downgrade_dwell_days=7,
    segments="""\
  # Lowest risk: those who slip away come first, the most urgent on top. There is no rule exit: nobody is let go.
  - {name: slipping away, when: [{measure: churn_risk, is: high}]}
  - {name: cooling off, when: [{measure: churn_risk, is: medium}]}
  - {name: just lost, when: [{measure: winback, is: recent}]}
  - {name: lost, when: [{measure: lifecycle, is: inactive}]}
  - {name: not yet a habit, when: [{measure: lifecycle, is: active}, {measure: occasions, below: 2}]}
  - {name: steady, when: [{measure: class, in: [A, B]}]}""",
    service_levels="{segment: {slipping away: premium, cooling off: standard}, class: {A: premium, B: standard, C: basic}}",
    growth_pct=200,
    budget_a=10,
    budget_b=10,
    budget_default=8,
)

GROWTH = Goal(
    words="who buys more widely and brings others in counts most; the young get time, and the promising a larger budget.",
    churn_risk="{medium_pct: 50, high_pct: 80}      # parts of that patience",
    criteria="""\
  # Growth: how widely he buys and whom he brings in weigh six of eight. The dimension opportunity is no measure and cannot be a
  # criterion: it leads the segments below.
  - {measure: product_groups, weight: 3, bands: {1: 20, 2: 60, 3: 100}}
  - {measure: referrals, weight: 3, bands: {1: 70, 3: 100}}
  - {measure: strategic, weight: 1, bands: {40: 50, 80: 100}}
  - {measure: revenue, weight: 1, bands: {0: 10, $value_mid: 50, $value_high: 100}}""",
    classes="{by: score, A: 55, B: 25}              # C below",
    downgrade_dwell_days=90,
    segments="""\
  # Growth: who brings others in and who may grow come first; the exit comes last, is slow, and spares the young twice as long.
  - {name: ambassador, when: [{measure: referrals, at_least: 1}]}
  - {name: promising, when: [{measure: opportunity, is: high}, {measure: lifecycle, is: active}]}
  - {name: new, when: [{measure: tenure_days, below: $young_days}]}
  - {name: room to grow, when: [{measure: opportunity, is: medium}, {measure: churn_risk, is: low}, {measure: value_now, at_least: 0}]}
  - {name: slipping away, when: [{measure: class, in: [A, B]}, {measure: churn_risk, in: [medium, high]}]}
  - {name: exit, value_now_below: 0, value_future_below: $order_margin, strategic_below: 30, exit_dwell_days: 180,
     min_age_days: $twice_young_days, protect_criteria: {default: 60}}""",
    service_levels="{segment: {exit: exit, ambassador: premium, promising: premium}, class: {A: premium, B: standard, C: basic}}",
    growth_pct=120,
    budget_a=30,
    budget_b=20,
    budget_default=8,
)

GOALS: dict[str | None, Goal] = {None: GENERAL, "highest-value": HIGHEST_VALUE, "lowest-risk": LOWEST_RISK, "growth": GROWTH}
