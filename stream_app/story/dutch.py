"""The sentences in Dutch; `words.py` has the same in English, key by key and hole by hole."""

from typing import Final

from stream_app.story.language import Language

DUTCH: Final = Language(
    code="nl",
    point=",",
    reasons={
        "ordered_within_rhythm": (
            "zijn laatste bestelling in {product_group}, van {last_order_at}, valt binnen zijn geduld van {patience_ms}"
            " ({occasions} aankoopdagen in {span_days} dagen), dat eindigt op {inactive_at}"
        ),
        "silent_beyond_rhythm": (
            "geen bestelling in {product_group} sinds {last_order_at}, langer dan zijn geduld van {patience_ms}"
            " ({occasions} aankoopdagen in {span_days} dagen), dat eindigde op {inactive_at}"
        ),
        "relation_without_order": "hij heeft een band met de winkel, en geen bestelling van hem telt",
        "no_relation": "geen bestelling van hem telt, en niets dan belangstelling verbindt hem met de winkel",
        "lead_ruled_out": "hij was een mogelijke klant en is afgevallen op {ruled_out_at}",
        "no_longer_active": "alleen een actieve klant kan risico lopen, en hij is niet meer actief ({counting_orders} bestellingen tellen)",
        "no_counting_order": "geen bestelling van hem telt",
        "share_of_patience": (
            "stil in {product_group} sinds {last_order_at}, al {silent_ms}, van een geduld van {patience_ms}: gemiddeld vanaf"
            " {medium_pct} % ({medium_at}), hoog vanaf {high_pct} % ({high_at}), inactief op {inactive_at}"
        ),
        "merged": "hij is met een andere klant samengevoegd, en is voortaan een met die klant",
        "dimension_dropped": "het beleid vraagt niet meer naar deze dimensie",
        "score": "score {score}; A begint bij {A} en B bij {B} (een lagere klasse gaat in na {downgrade_dwell_days} dagen): {evidence}",
        "share_of_value": "hij is {value_total} waard; A begint bij {A} en B bij {B}, wie samen {A_pct} en {B_pct} % van de waarde maken",
        "no_cut_offs_yet": "de klanten van de winkel zijn nog niet gewogen",
        "class": "dit volgt zijn klasse, {class}",
        "segment": "dit volgt zijn segment, {segment}",
        "exit": "alles wat een afscheid vraagt is waar, en niets beschermt hem: {evidence}",
        "rule_matches": "de regel van dit segment is de eerste waaraan hij voldoet: {evidence}",
        "no_rule_matches": "hij voldoet aan de regel van geen enkel segment: {evidence}",
        "no_rule": "voor klasse {class} geldt geen contactregel",
        "over_budget": "contacten kosten {contact_cost}, meer dan het budget van {budget_minor}: {evidence}",
        "too_often": "een bovengrens voor contacten is overschreden: {evidence}",
        "too_seldom": "sinds {last_touch_at} is niets van hem gehoord en zocht niemand contact, langer dan tot {silent_at}: {evidence}",
        "ok": "alle bovengrenzen, het budget en de langste stilte zijn in acht genomen: {evidence}",
        "not_inactive": "alleen een inactieve klant kan worden teruggewonnen, en hij is {lifecycle}",
        "time_since_inactive": "al {inactive_ms} inactief, sinds {inactive_at}: bekoelend vanaf {cooling_at}, weg vanaf {gone_at}",
        "growth": (
            "een omzet van {revenue_now} in de laatste {growth_days} dagen, tegen {revenue_before} in de dagen daarvoor, haalt"
            " {growth_pct} %; groepen die voor hem openstaan: {open_groups}"
        ),
        "cross_sell": (
            "groepen die voor hem openstaan: {open_groups} (hoog vanaf {open_groups_high}); een omzet van {revenue_now} in de laatste"
            " {growth_days} dagen, tegen {revenue_before} in de dagen daarvoor, is geen groei tot {growth_pct} %"
        ),
        "no_opportunity": (
            "er staat geen groep voor hem open, en een omzet van {revenue_now} in de laatste {growth_days} dagen, tegen {revenue_before}"
            " in de dagen daarvoor, is geen groei tot {growth_pct} %"
        ),
    },
    published={
        "status.will_change": "{dimension} gaat op {will_change_at} van {from} naar {to}",
        "status.will_not_change": "{dimension} gaat op {will_change_at} toch niet van {from} naar {to}",
        "winback.opened": (
            "win hem terug: fase {tier}, {days_since} dagen na zijn laatste bestelling, kanaal {advised_channel}, budget {budget_minor}"
        ),
        "winback.cooled": (
            "hij bekoelt: fase {tier}, {days_since} dagen na zijn laatste bestelling, kanaal {advised_channel}, budget {budget_minor}"
        ),
        "winback.closed": "hij geldt als weg: fase {tier}, {days_since} dagen na zijn laatste bestelling, budget {budget_minor}",
        "winback.won": "teruggewonnen na {days_away} dagen, fase {tier}, campagne {campaign_id}, met {product_groups}",
        "winback.withdrawn": "hij was toch niet verloren ({cause}): levensloop {lifecycle}",
        "service_level.changed": "bedien hem als {to}, niet meer als {from} (klasse {class}, segment {segment})",
        "contact.advised": "contact is {to}, was {from}: kanaal {channel}, volgend moment {moment}, budget {budget_minor}",
        "erasure.completed": "alles tot en met {erased_at} is vergeten",
    },
    causes={
        "event": "een gebeurtenis",
        "time": "alleen het verstrijken van tijd",
        "policy": "een nieuw beleid",
        "late": "een gebeurtenis die laat aankwam",
        "void": "een annulering of een terugbetaling",
        "merge": "het samenvoegen van klanten",
    },
    phrases={
        "because": "want {what}",
        "caused": "veroorzaakt door {what}",
        "version": "{what}, versie {version}",
        "event_of": "{what}, {type} van {at}",
        "revokes": "herroept verandering {number}",
        "revokes_unknown": "herroept de verandering {id}",
        "until": "zonder nieuwe gebeurtenis blijft dit zo tot minstens {at}",
        "otherwise": "anders: {what}",
        "unless": "tenzij {what}",
        "copy": "een andere gebeurtenis van hem had dit id al: binnen dedup_days van het beleid telt die één keer",
        "change": "{dimension}: {before} -> {after} (verandering {number})",
        "consequence": "{type}: {what}",
        "yes": "ja",
        "no": "nee",
        "none": "geen",
        "never": "nooit",
        "no_limit": "onbeperkt",
        "days": "{days} dagen",
        "nothing": "verder is niets gemeten",
        "at_most": "hoogstens",
        "in_group": "{what} in {group}",
        "of_at_least": "van minstens {limit}",
        "of_at_most": "van hoogstens {limit}",
        "from_on": "{what}, vanaf {at}",
        "before": "{what}, vóór {at}",
    },
    tests={"_at_least": "minstens", "_below": "onder", "_is": "is", "_in": "een van", ".per_days": "in dagen:"},
    terms={
        "lifecycle": "levensloop",
        "churn_risk": "verlooprisico",
        "winback": "terugwinnen",
        "opportunity": "kans",
        "class": "klasse",
        "segment": "segment",
        "label": "label",
        "service_level": "serviceniveau",
        "contact": "contact",
        "active": "actief",
        "inactive": "inactief",
        "potential": "potentieel",
        "possibly_interested": "mogelijk geïnteresseerd",
        "other": "overig",
        "low": "laag",
        "medium": "gemiddeld",
        "high": "hoog",
        "none": "geen",
        "recent": "pas verloren",
        "cooling": "bekoelend",
        "gone": "weg",
        "ok": "goed",
        "too_often": "te vaak",
        "too_seldom": "te zelden",
        "over_budget": "boven budget",
        "score": "score",
        "revenue": "omzet",
        "orders": "bestellingen",
        "occasions": "aankoopdagen",
        "average_order": "gemiddelde bestelling",
        "margin": "marge",
        "contacts": "contacten",
        "contact_cost": "contactkosten",
        "cost_to_serve": "kosten",
        "value_now": "waarde nu",
        "value_future": "verwachte waarde",
        "value_strategic": "strategische waarde",
        "value_total": "totale waarde",
        "product_groups": "productgroepen",
        "referrals": "aanbrengingen",
        "feedback": "bijdragen",
        "recency_days": "dagen sinds laatste bestelling",
        "tenure_days": "dagen klant",
        "refund_pct": "terugbetaald %",
        "discount_pct": "korting %",
        "late_days_average": "dagen te laat betaald",
        "strategic": "strategisch",
        "outbound": "contacten van ons",
        "order.placed": "een bestelling",
        "order.cancelled": "een annulering",
        "order.refunded": "een terugbetaling",
        "payment.received": "een betaling",
        "contact.made": "een contact",
        "contact.responded": "een reactie op contact",
        "interest.shown": "getoonde belangstelling",
        "preference.set": "een voorkeur",
        "lead.identified": "een herkende mogelijke klant",
        "lead.ruled_out": "een afgevallen mogelijke klant",
        "referral.made": "een aanbreng",
        "feedback.given": "een bijdrage",
        "profile.assessed": "een beoordeling",
    },
)
