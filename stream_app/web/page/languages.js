// The languages of the page; each has its table in words/.

export const CODES = ["en", "nl"];
export const NAMES = { en: "English", nl: "Nederlands" };
