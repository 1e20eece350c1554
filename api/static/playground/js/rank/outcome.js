// The answer for the selected image, whether it is up to date, progress or a problem.

import { byId } from "../dom.js";
import { counted } from "../numbers.js";
import { faultsByQuery, ranksOf, scoresOf } from "../ranks.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { explainNumbers, showExplained } from "./explained.js";
import { Scale } from "./scale.js";
import { clearVerdict, isNone, showVerdict } from "./verdict.js";

const SLOW_MS = 700;

export class Outcome {
  #images;
  #strip;
  #scale = new Scale(() => this.#show());
  #shown = null; // the request and the rows of its answer
  #slow = 0;
  #cancel = () => {};

  constructor(images, strip) {
    [this.#images, this.#strip] = [images, strip];
    byId("cancel").addEventListener("click", () => this.#cancel());
    images.addEventListener("select", () => this.#show());
    this.#show();
  }

  get threshold() {
    return this.#scale.value.threshold;
  }

  set threshold(value) {
    this.#scale.threshold = value;
  }

  /** A request was sent. Show its progress if it is a job or takes long. */
  begin(count, onCancel, isJob) {
    this.#settle();
    clearTrouble(byId("trouble"));
    this.#cancel = onCancel;
    byId("progress").removeAttribute("value");
    byId("running-told").textContent = `Ranking ${counted(count, "image")}…`;
    mark("Updating…", { isBusy: true, isOld: this.#shown });
    this.#slow = setTimeout(() => { byId("running").hidden = false; }, isJob ? 0 : SLOW_MS);
    if (isJob) announce(byId("running-told").textContent);
  }

  progress({ total, done, failed }) {
    [byId("progress").max, byId("progress").value] = [total, done + failed];
    const rest = failed ? `, ${failed} failed` : "";
    byId("running-told").textContent = `${done} of ${counted(total, "image")} done${rest}`;
  }

  answered(request, answer) {
    const { labels } = request.settings;
    this.#shown = { request, rows: request.images.map((_, row) => ranksOf(answer.result, row, labels)) };
    this.#images.tellFaults(faultsByQuery(answer.result, request.images));
    const words = this.#show();
    showExplained(request, answer);
    this.fresh();
    announce(announced(this.#shown, this.#images.selected, words));
  }

  /** What is shown belongs to what is in the form. */
  fresh() {
    this.#settle();
    clearTrouble(byId("trouble"));
    mark("", { isBusy: false });
  }

  /** What is shown belongs to something else than what is in the form; `words` say what comes next. */
  stale(words, { isBusy = false } = {}) {
    this.#settle();
    const isNew = byId("freshness").textContent !== words;
    if (!isBusy && this.#shown && isNew) announce(`These results are out of date. ${words}`);
    mark(isBusy || this.#shown ? words : "", { isBusy, isOld: this.#shown });
    if (!this.#shown) clearVerdict(isBusy ? "" : words);
  }

  /** `problem` says what is wrong; `again` repeats the request, unless it is missing. */
  fail(problem, again) {
    this.stale(this.#shown ? "Out of date" : "");
    announce("");
    showTrouble(byId("trouble"), problem, again);
  }

  reset() {
    this.#shown = null;
    this.fresh();
    showExplained(null);
    this.#strip.caption(new Map());
    this.#show();
    announce("");
  }

  /** Show the answer for the selected image. Returns it in words. */
  #show() {
    const image = this.#images.selected;
    this.#scale.show(null);
    if (!this.#shown) return image ? "" : clearVerdict("Choose an image");
    const { request, rows } = this.#shown;
    const how = { scores: scoresOf(request.settings.activation), ...this.#scale.value };
    this.#strip.caption(new Map(request.images.map((each, row) => [each, captionOf(rows[row], how)])));
    const row = request.images.indexOf(image);
    explainNumbers(rows[row] !== null);
    if (row < 0) return clearVerdict(image ? "Not ranked yet." : "Choose an image");
    if (!rows[row]) return clearVerdict(`${image.name} ${image.fault || "could not be ranked"}.`);
    this.#scale.show(how.scores);
    this.#scale.tell(rows[row]);
    return showVerdict(rows[row], how);
  }

  #settle() {
    clearTimeout(this.#slow);
    byId("running").hidden = true;
  }
}

function mark(words, { isBusy, isOld = false }) {
  byId("freshness").textContent = words;
  byId("freshness").hidden = !words;
  byId("outcome").classList.toggle("stale", Boolean(words && isOld));
  byId("outcome").setAttribute("aria-busy", String(isBusy));
}

const announce = (words) => { byId("announcement").textContent = words; };

const captionOf = (ranks, { threshold }) => (!ranks ? "failed" : isNone(ranks, threshold) ? "none" : ranks[0].name);

function announced({ rows }, selected, words) {
  if (rows.length === 1) return words;
  const failed = rows.filter((row) => row === null).length;
  const rest = failed ? `; ${failed} could not be ranked` : "";
  return `Ranked ${counted(rows.length - failed, "image")}${rest}. ${selected?.name ?? ""}: ${words}`;
}
