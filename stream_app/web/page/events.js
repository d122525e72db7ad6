// The events that can be tried, and the fields of each; the API judges what is put in.

const CHANNELS = ["email", "mailing", "phone", "visit", "chat", "other"];

const text = (name, start) => ({ name, start, put: (data, value) => (data[name] = value.trim()) });
const pick = (name, values) => ({ name, values, put: (data, value) => (data[name] = value) });
const truth = (name) => ({ name, values: ["true", "false"], put: (data, value) => (data[name] = value === "true") });

/** An amount is given as people write it, and sent in minor units. */
const amount = (name, start) => ({
  name, start, label: "amount", kind: "number",
  put: (data, value, currency = "EUR") => {
    const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    data[name] = Math.round(Number(value) * 10 ** digits);
  },
});

const order = [
  text("order_id", "try-1"), amount("total_minor", "49.90"),
  { name: "category", start: "", kind: "category", optional: true, put: (data, value, currency) => {
    data.currency = currency;
    data.lines = [{ sku: "try", ...(value ? { category: value } : {}), quantity: 1, total_minor: data.total_minor }];
  } },
];

export const FIELDS = {
  "order.placed": order,
  "order.cancelled": [text("order_id", "")],
  "order.refunded": [text("order_id", ""), text("refund_id", "try-refund"), amount("amount_minor", "10")],
  "contact.made": [pick("channel", CHANNELS), pick("direction", ["outbound", "inbound"])],
  "contact.responded": [pick("channel", CHANNELS), pick("outcome", ["positive", "neutral", "negative", "unsubscribed"])],
  "interest.shown": [pick("kind", ["brochure", "quote", "signup", "visit", "other"])],
  "feedback.given": [pick("kind", ["idea", "complaint", "review"]), truth("accepted")],
  "referral.made": [text("referred_customer_id", "")],
  "lead.identified": [],
  "lead.ruled_out": [],
};

export const TYPES = Object.keys(FIELDS);
