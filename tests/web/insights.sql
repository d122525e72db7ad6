-- Insights of one shop, recomputed from the raw events and the published changes as domain.md 8 defines them: an independent second opinion.
-- Tables given: event(customer, id, type, ms, known_ms, data), change(customer, id, dimension, before, after, ms, seq, cause, event_id, revokes),
-- month(name, begins, ends), category_group(category, name), setting(horizon_ms).

CREATE TABLE purchase AS  -- orders that count, by all that is known
SELECT o.customer, o.id AS event_id, o.ms, o.known_ms, o.data->>'order_id' AS order_id, voided_ms,
       (o.data->>'total_minor')::HUGEINT - coalesce(refunded, 0) AS net, coalesce(json_extract(o.data, '$.lines'), '[]'::JSON) AS lines
FROM event o
LEFT JOIN (
    SELECT customer, data->>'order_id' AS order_id, sum((data->>'amount_minor')::HUGEINT) AS refunded, max(ms) AS refunded_ms
    FROM event WHERE type = 'order.refunded' GROUP BY ALL
) r ON r.customer = o.customer AND r.order_id = o.data->>'order_id'
LEFT JOIN (
    SELECT customer, data->>'order_id' AS order_id, min(ms) AS cancelled_ms FROM event WHERE type = 'order.cancelled' GROUP BY ALL
) c ON c.customer = o.customer AND c.order_id = o.data->>'order_id',
LATERAL (SELECT least(cancelled_ms, CASE WHEN refunded >= (o.data->>'total_minor')::HUGEINT THEN refunded_ms END) AS voided_ms)
WHERE o.type = 'order.placed';

CREATE TABLE bought AS
SELECT customer, event_id, voided_ms, category, coalesce(name, 'default') AS product_group
FROM (
    SELECT customer, event_id, voided_ms, unnest(from_json(lines, '[{"category":"VARCHAR"}]')).category AS category FROM purchase
    UNION ALL
    SELECT customer, event_id, voided_ms, NULL FROM purchase WHERE json_array_length(lines) = 0
) LEFT JOIN category_group USING (category);

CREATE TABLE chain AS  -- how many changes revoke one after another, from each change on
WITH RECURSIVE link(id, tip, k) AS (
    SELECT id, id, 0 FROM change WHERE dimension = 'lifecycle'
    UNION ALL
    SELECT link.id, change.id, k + 1 FROM link JOIN change ON change.revokes = link.tip
)
SELECT id, max(k) AS k FROM link GROUP BY id;

CREATE TABLE turn AS  -- changes of lifecycle that are in force
SELECT *, lag(ms) OVER person AS before_ms, lag(kind) OVER person AS before_kind, lag(id) OVER person AS before_id
FROM (
    SELECT change.*, month.name AS month,
           CASE WHEN after = 'active' THEN CASE WHEN before = 'inactive' THEN 'won_back' ELSE 'new' END
                WHEN before = 'active' THEN CASE WHEN after = 'inactive' THEN 'lost' ELSE 'left_otherwise' END END AS kind
    FROM change JOIN chain USING (id) JOIN month ON ms >= begins AND ms < ends
    WHERE dimension = 'lifecycle' AND revokes IS NULL AND k % 2 = 0
) WINDOW person AS (PARTITION BY customer ORDER BY seq);

CREATE TABLE alarm AS  -- losses after which the customer bought again in time
SELECT DISTINCT lost.id FROM turn lost JOIN purchase USING (customer), setting
WHERE lost.kind = 'lost' AND voided_ms IS NULL AND purchase.ms > lost.ms AND purchase.ms <= lost.ms + horizon_ms;

CREATE TABLE noticed AS  -- whole days from the last order that was known and counted then to the loss
SELECT turn.id, month, (turn.ms - max(purchase.ms)) // 86400000 AS days
FROM turn JOIN purchase ON purchase.customer = turn.customer AND known_ms <= turn.ms AND (voided_ms IS NULL OR voided_ms > turn.ms)
WHERE kind = 'lost' GROUP BY turn.id, month, turn.ms;

CREATE TABLE returned AS  -- what was bought with the order that brought a customer back
SELECT DISTINCT turn.customer, turn.id, month, category, product_group
FROM turn JOIN bought ON bought.customer = turn.customer AND bought.event_id = turn.event_id WHERE kind = 'won_back' AND cause = 'event';

CREATE TABLE standing_at AS  -- who stood as active when a month began, and when it ended
SELECT name, count(*) FILTER (at_begin = 'active') AS active_at_start, count(*) FILTER (at_end = 'active') AS active_at_end
FROM (
    SELECT m.name, customer, arg_max(after, seq) FILTER (ms < m.begins) AS at_begin, arg_max(after, seq) FILTER (ms < m.ends) AS at_end
    FROM month m CROSS JOIN turn GROUP BY m.name, customer
) GROUP BY name;

CREATE TABLE monthly AS
SELECT name AS period, active_at_start, active_at_end, coalesce(new, 0) AS new, coalesce(lost, 0) AS lost, coalesce(won_back, 0) AS won_back,
       coalesce(left_otherwise, 0) AS left_otherwise, coalesce(revoked, 0) AS revoked, coalesce(false_alarms, 0) AS false_alarms,
       round(coalesce(lost, 0) * 100 / nullif(active_at_start, 0)::DOUBLE, 6) AS churn_pct,
       round(coalesce(false_alarms, 0) * 100 / nullif(lost, 0)::DOUBLE, 6) AS false_alarm_pct
FROM standing_at LEFT JOIN (
    SELECT month AS name, count(*) FILTER (kind = 'new') AS new, count(*) FILTER (kind = 'lost') AS lost,
           count(*) FILTER (kind = 'won_back') AS won_back, count(*) FILTER (kind = 'left_otherwise') AS left_otherwise,
           count(*) FILTER (id IN (SELECT id FROM alarm)) AS false_alarms
    FROM turn GROUP BY month
) USING (name) LEFT JOIN (
    SELECT month.name, count(*) AS revoked FROM change JOIN chain USING (id) JOIN month ON ms >= begins AND ms < ends
    WHERE dimension = 'lifecycle' AND revokes IS NULL AND k % 2 = 1 AND 'active' IN (before, after) GROUP BY month.name
) USING (name)
WHERE name IN (SELECT month FROM turn WHERE kind IS NOT NULL) OR revoked > 0;

CREATE TABLE lag AS
SELECT month AS period, count(*) AS count, floor(avg(days) * 100 + 0.5) / 100 AS mean, min(days) FILTER (place * 100 >= n * 50) AS median,
       min(days) FILTER (place * 100 >= n * 90) AS p90, min(days) AS min, max(days) AS max
FROM (SELECT *, row_number() OVER (PARTITION BY month ORDER BY days) AS place, count(*) OVER (PARTITION BY month) AS n FROM noticed)
GROUP BY month;

CREATE TABLE standing AS  -- the current value of every dimension
SELECT customer, dimension, arg_max(after, seq) AS value FROM (SELECT * REPLACE (coalesce(after, '') AS after) FROM change) GROUP BY ALL;

CREATE TABLE side AS
SELECT customer, value = 'inactive' AS is_lost FROM standing WHERE dimension = 'lifecycle' AND value IN ('active', 'inactive');

CREATE TABLE cell AS
SELECT what, name, count(*) FILTER (is_lost) AS lost, count(*) FILTER (NOT is_lost) AS kept
FROM (
    SELECT DISTINCT 'categories' AS what, customer, category AS name FROM bought WHERE voided_ms IS NULL AND category IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'product_groups', customer, product_group FROM bought WHERE voided_ms IS NULL
) JOIN side USING (customer) GROUP BY ALL;

CREATE TABLE product AS
SELECT what, name, lost, kept, floor(logit * 1000 + 0.5) / 1000 AS log_odds, floor((logit - reach) * 1000 + 0.5) / 1000 AS low,
       floor((logit + reach) * 1000 + 0.5) / 1000 AS high, corrected
FROM (
    SELECT *, ln(a * d / (b * c)) AS logit, 1.959963984540054 * sqrt(1 / a + 1 / b + 1 / c + 1 / d) AS reach
    FROM (
        SELECT cell.*, least(lost, kept, all_lost - lost, all_kept - kept) = 0 AS corrected, corrected::INT / 2 AS half,
               lost + half AS a, kept + half AS b, all_lost - lost + half AS c, all_kept - kept + half AS d
        FROM cell, (SELECT count(*) FILTER (is_lost) AS all_lost, count(*) FILTER (NOT is_lost) AS all_kept FROM side)
    )
);

CREATE TABLE spender AS  -- what each customer has spent, of those who are customers
SELECT customer, sum(net) AS net FROM purchase WHERE voided_ms IS NULL
AND customer IN (SELECT customer FROM standing WHERE dimension = 'lifecycle' AND value <> '') GROUP BY customer HAVING sum(net) > 0;

CREATE TABLE concentration AS  -- without buckets: what the top 20 %, rounded up, have spent
SELECT sum(net) FILTER (place <= ceil(n * 20 / 100)) AS top_minor, sum(net) AS total_minor
FROM (SELECT net, row_number() OVER (ORDER BY net DESC) AS place, count(*) OVER () AS n FROM spender);

CREATE TABLE revenue AS  -- in the bucket in which the 20 % end, all count with its mean
SELECT n AS customers, total AS total_minor, top AS top_customers,
       sum(CASE WHEN rank_before + size <= top THEN minor WHEN rank_before < top THEN minor * (top - rank_before) // size ELSE 0 END) AS top_minor
FROM (
    SELECT bucket, count(*) AS size, sum(net) AS minor, coalesce(sum(size) OVER (ORDER BY bucket DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS rank_before,
           sum(size) OVER () AS n, sum(minor) OVER () AS total, ceil(n * 20 / 100)::HUGEINT AS top
    FROM (
        SELECT net, greatest(0, length(ltrim(bin(net::BIGINT), '0')) - 8) AS shift, shift * 128 + (net::BIGINT >> shift) AS bucket FROM spender
    ) GROUP BY bucket
) GROUP BY ALL;
