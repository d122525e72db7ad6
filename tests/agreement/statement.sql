-- Who is what at one moment, computed from the raw events as domain.md defines it: an independent second opinion.
-- Tables given: event(customer, type, ms, data), category_group, rhythm, setting (one row), criterion, band. UTC days.

CREATE MACRO quotient(a, b) AS CASE WHEN b = 0 THEN 0 ELSE (a - ((a % b) + b) % b) // b END;  -- floors, as `//` does in domain.md

CREATE TABLE purchase AS
SELECT customer, ms, ms // 86400000 AS day, data->>'order_id' AS order_id, (data->>'total_minor')::HUGEINT AS total,
       coalesce((data->>'discount_minor')::HUGEINT, 0) AS discount, coalesce(json_extract(data, '$.lines'), '[]'::JSON) AS lines
FROM event, setting WHERE type = 'order.placed' AND ms <= now_ms;

CREATE TABLE bought AS
SELECT DISTINCT customer, order_id, ms, day, coalesce(name, 'default') AS name
FROM (
    SELECT customer, order_id, ms, day, unnest(from_json(lines, '[{"category":"VARCHAR"}]')).category AS category FROM purchase
    UNION ALL
    SELECT customer, order_id, ms, day, NULL FROM purchase WHERE json_array_length(lines) = 0
) LEFT JOIN category_group USING (category);

CREATE TABLE habit AS  -- 3.2, a row a product group of a customer
SELECT customer, o.name, n, span, last_ms, r.*,
       CASE r.method
           WHEN 'fixed' THEN r.days * 86400000
           WHEN 'own_rhythm' THEN greatest(r.min_days * 86400000, least(r.max_days * 86400000,
                quotient(r.factor_pct * 86400000 * (r.prior_weight * r.prior_days + span), 100 * (r.prior_weight + n))))
           ELSE greatest(r.min_days * 86400000, least(r.max_days * 86400000,
                floor(((alpha + span) * pow(((1 - theta) / theta) * (b + n) / a, 1 / (r.r + n)) - alpha - span) * 86400000)::HUGEINT))
       END AS patience,
       CASE r.method
           WHEN 'fixed' THEN r.days
           WHEN 'own_rhythm' THEN quotient(r.prior_weight * r.prior_days + span, r.prior_weight + n)
           ELSE floor((alpha + span) / (r.r + n))::HUGEINT
       END AS expected_days
FROM (
    SELECT customer, name, count(DISTINCT day) - 1 AS n, max(day) - min(day) AS span, max(ms) AS last_ms FROM bought GROUP BY ALL
) o JOIN rhythm r ON r.name = CASE WHEN o.name IN (SELECT name FROM rhythm) THEN o.name ELSE 'default' END;

CREATE TABLE leader AS
SELECT *, last_ms + patience AS inactive_at FROM habit
QUALIFY row_number() OVER (PARTITION BY customer ORDER BY last_ms + patience DESC, name) = 1;

CREATE TABLE window_sum AS
SELECT customer, sum(total) AS revenue, count(*) AS orders, count(DISTINCT day) AS occasions, sum(quotient(total * margin_pct, 100)) AS margin,
       sum(discount) AS discounts
FROM purchase, setting WHERE day > now_ms // 86400000 - window_days GROUP BY customer;

CREATE TABLE contact_sum AS
SELECT customer, count(*) AS contacts, sum(coalesce((data->>'cost_minor')::HUGEINT, price.cost)) AS contact_cost
FROM setting, event LEFT JOIN price ON price.channel = data->>'channel'
WHERE type = 'contact.made' AND ms <= now_ms AND ms // 86400000 > now_ms // 86400000 - window_days GROUP BY customer;

CREATE TABLE worth AS  -- 3.1 to 3.4
SELECT customer, lifecycle, churn_risk, winback, revenue, orders, occasions, margin, contacts, contact_cost, product_groups, recency_days, tenure_days,
       p_alive_pct, quotient(revenue, orders) AS average_order, quotient(discounts * 100, revenue + discounts) AS discount_pct,
       margin - contact_cost AS value_now,
       CASE WHEN lifecycle = 'active' AND occasions > 0 THEN quotient(margin * horizon_days, occasions * greatest(1, expected_days)) ELSE 0 END AS value_future,
       value_now + value_future AS value_total
FROM (
    SELECT customer, margin_pct, horizon_days, expected_days,
           coalesce(revenue, 0) AS revenue, coalesce(orders, 0) AS orders, coalesce(occasions, 0) AS occasions, coalesce(margin, 0) AS margin,
           coalesce(discounts, 0) AS discounts, coalesce(contacts, 0) AS contacts, coalesce(contact_cost, 0) AS contact_cost,
           coalesce(product_groups, 0) AS product_groups, now_ms // 86400000 - last_day AS recency_days, now_ms // 86400000 - first_day AS tenure_days,
           CASE WHEN inactive_at IS NULL THEN 'potential' WHEN now_ms < inactive_at THEN 'active' ELSE 'inactive' END AS lifecycle,
           CASE WHEN inactive_at IS NULL OR now_ms >= inactive_at THEN NULL
                WHEN now_ms >= last_ms + quotient(patience * high_pct, 100) THEN 'high'
                WHEN now_ms >= last_ms + quotient(patience * medium_pct, 100) THEN 'medium' ELSE 'low' END AS churn_risk,
           CASE WHEN inactive_at IS NULL OR now_ms < inactive_at THEN 'none'
                WHEN now_ms >= inactive_at + gone_days * 86400000 THEN 'gone'
                WHEN now_ms >= inactive_at + cooling_days * 86400000 THEN 'cooling' ELSE 'recent' END AS winback,
           CASE WHEN method = 'alive' THEN
                floor(100 / (1 + a / (b + n) * pow((alpha + span + (now_ms - last_ms) / 86400000) / (alpha + span), r + n)))::HUGEINT END AS p_alive_pct
    FROM setting, (SELECT DISTINCT customer FROM event, setting WHERE ms <= now_ms)
    LEFT JOIN window_sum USING (customer)
    LEFT JOIN contact_sum USING (customer)
    LEFT JOIN leader USING (customer)
    LEFT JOIN (SELECT customer, min(day) AS first_day, max(day) AS last_day FROM purchase GROUP BY customer) USING (customer)
    LEFT JOIN (
        SELECT customer, count(DISTINCT name) AS product_groups FROM bought, setting
        WHERE day > now_ms // 86400000 - window_days GROUP BY customer
    ) USING (customer)
);

CREATE TABLE points AS  -- 3.5
SELECT customer, quotient(sum(weight * coalesce(points, 0)), sum(weight)) AS score
FROM (
    SELECT customer, place, any_value(weight) AS weight, arg_max(band.points, threshold) FILTER (threshold <= value) AS points
    FROM worth, criterion JOIN band USING (place)
    LEFT JOIN (UNPIVOT (SELECT customer AS who, * EXCLUDE (customer, lifecycle, churn_risk, winback) FROM worth) ON COLUMNS(* EXCLUDE (who)) INTO NAME measure VALUE value) m
      ON m.who = worth.customer AND m.measure = criterion.measure
    WHERE tenure_days IS NOT NULL
    GROUP BY customer, place
) GROUP BY customer;

CREATE TABLE standing AS
SELECT worth.*, score, CASE WHEN score >= cut_a THEN 'A' WHEN score >= cut_b THEN 'B' WHEN score IS NOT NULL THEN 'C' END AS class
FROM setting, worth LEFT JOIN points USING (customer);
