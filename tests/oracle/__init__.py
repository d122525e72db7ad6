"""The brute-force check: a second implementation of the domain rules, written from domain.md alone.

Owns: what the right answer is. It imports nothing of `stream_app`; it recomputes everything from the plain set of
accepted events at every moment at which anything could change. Slow, short and obvious on purpose.
Called by: tests/agreement, which compare the product's replay with it.
May import: the standard library.
Start at: `run.py` (a whole file of events), then `customer.py` (one customer's life).

Where domain.md can be read in two ways, this is the reading taken here, one line each:

- A deadline is every moment of `moments.py`; an evaluation there that changes nothing publishes nothing.
- Of two faults the one that the event alone shows comes first: unknown type, time range, then unknown shop, currency.
- Rejected when decoded (unknown type, time range, unknown shop): touches no customer and is not remembered as an id.
- `currency_mismatch`: a customer who exists remembers the id, and nothing else; one who does not is not begun by it.
- Rejected when folded (`order_exists`, `refund_exists`, `order_closed`): moves the clock and `high`, and its id is remembered.
- An `order.placed` that is both too old and used before is `order_closed`: the age is looked at first.
- A voided order still exists: its id used again is `order_exists`; its refund ids are still distinct ids.
- `refund_id` is distinct within its order, not within the customer.
- Ids are remembered per customer: the same event id for two subjects is no duplicate.
- An id is looked up with `high` as the arriving event would make it; only then deadlines fire, `high` moves, orders close.
- The oldest orders and ids beyond the limits are the smallest by (time, id), looked at after the event is applied; an order
  closed early stays in the totals, those of the window included. (The histories set the limit on orders only where events come
  in time order: how a late order joins those that closed early is left open by the bound on the state.)
- Closing uses `high` with the arriving event included: a cancel that itself pushes its order over the edge waits.
- Waiting events apply in log order when their order arrives; the second with one refund_id is then `refund_exists`.
- A waiting event expires at the deadline before an event of the same millisecond: that order comes too late.
- Cause `void` holds for every change of an evaluation made by a cancel or refund, also a partial one, also one that
  begins to wait, and for an order that a cancel or refund waited for; an order that only a payment waited for is `event` or `late`.
- `event_id` of the cause is the arriving event's; a change by time has none.
- `revokes` looks at the latest change of the dimension before this one, whatever its cause.
- `score` and `class` are null while there is no counting order; `score` is null without criteria.
- `expected_days` in `value_future` is the leading group's.
- By model, `value_future` is the model's also when inactive; occasions and margin are those of the window, over all groups; the time of
  silence ends at the start of the clock's local day, and is nothing on the day of the last order; a loss is averaged like a gain.
- `late_days_average` is floored; it averages over counting orders of the window that have a payment.
- The number of refunds counts distinct refund_ids of orders of the window that are not cancelled, voided by refund included.
- A referral of a pair that is made again tells nobody; the earlier time counts for the conversion at once.
- What is told of a referral moves the clock of a customer whom it is told, and no more: not `high`, no id, no birth. It is `event`
  or `late` by that customer's clock. It is told when the earliest counting order is not what was told last, none being null.
- A conversion that lies on a local day after the referrer's clock (a void made a later order the first) counts from that day's start.
- `winback` starts with a change from null to none; publishing follows the numbers of section 3: lifecycle, churn_risk, class,
  label, service_level, winback.
- Notices: wanted is `inactive_at` while churn_risk is high. An announced deadline that is no longer wanted is revoked, unless
  lifecycle is inactive now (it happened); then a wanted one not yet announced is announced.
- `winback.opened` once per evaluation, by lifecycle to inactive or winback to recent; a void straight to cooling gives opened, cooled.
- The budget that remains is what the percentage gives less what was spent; when that is negative, not even a free channel is affordable.
- The moment of an advice: one more contact by the advised channel breaks no cap, and no other channel's cap is broken then; null when
  there is no such day. A change of contact to null has advice, too: no channel and no moment.
- `too_seldom` without contact, answer or counting order counts from the earliest accepted event; one that waits for its order is accepted.
- Growth is judged with its defaults when the policy has `cross_sell` alone. A group bought before the window, not in it, is open.
- Measures of a final profile are taken at `--until`: that is how far time has come for everybody.
- An erasure is itself dropped when another one reaches up to its time. What is dropped moves no clock and is no dead letter.
- What waits when its customer is erased ends as nothing; what has expired by then is `order_unknown` as ever.
- The mark of an erasure holds from the later of its time and the customer's clock; its end is a deadline of whoever came back.
- `--until` defaults to the latest time of an accepted event: neither rejected when folded, nor a duplicate.
"""
