// The view Rank. It opens with a ranked example.

import { byId } from "../dom.js";
import { Images } from "../images.js";
import { counted } from "../numbers.js";
import { EXAMPLE, LABELS } from "../samples.js";
import { registerView } from "../views.js";
import { Asking } from "./asking.js";
import { copied, startExplained } from "./explained.js";
import { takeIn } from "./intake.js";
import { LabelSets } from "./label-sets.js";
import { Outcome } from "./outcome.js";
import { fillSettings, readSettings, startModels } from "./settings.js";
import { fromQuery, toFragment } from "./share.js";
import { startStrip } from "./strip.js";

const images = new Images();
const sets = new LabelSets();
startExplained();
const outcome = new Outcome(images, startStrip(images));
const asking = new Asking(images, sets, outcome);
let opened = null; // the query that the form was filled from
let fillings = 0;

takeIn(images);
startModels();
byId("clear").addEventListener("click", clear);
byId("share").addEventListener("click", share);
registerView("rank", { show: ({ query }) => open(query), hide: () => asking.leave() });

function open(query) {
  const text = query.toString();
  const shared = fromQuery(query);
  if (!shared && opened === null) showExample();
  else if (shared && text !== opened) openShared(shared);
  else asking.comeBack();
  opened = shared ? text : opened ?? "";
}

function showExample() {
  byId("labels").value = LABELS.join("\n");
  images.addSample(EXAMPLE, { isExample: true });
  asking.submit();
}

/**
 * Fill the form from a link. Its links to images are not sent until the user presses Rank or changes something:
 * they are added last, because labels and images in the form are ranked while the label set is loaded.
 */
async function openShared({ settings, links, samples }) {
  const mine = fillings += 1;
  images.clear();
  sets.forget();
  fillSettings(settings);
  outcome.threshold = settings.threshold ?? 0;
  if (settings.labelSet) await sets.load(settings.labelSet);
  if (mine !== fillings) return; // another link was opened meanwhile, or the form was cleared
  images.addLinks(links);
  samples.forEach((sample) => images.addSample(sample));
  asking.reset();
  if (!links.length && images.all.length && byId("labels").value) asking.submit();
  else asking.hold();
}

function clear() {
  fillings += 1;
  byId("asking").reset();
  images.clear();
  sets.forget();
  outcome.threshold = 0;
  asking.reset();
  history.replaceState(null, "", location.pathname);
  byId("choose").focus();
}

async function share() {
  const settings = { ...readSettings(sets.used?.name ?? ""), threshold: outcome.threshold || undefined };
  const fragment = toFragment(settings, images.all);
  history.replaceState(null, "", fragment);
  opened = fragment.slice(fragment.indexOf("?") + 1);
  const left = images.all.filter((each) => each.kind === "file").length;
  const rest = left ? ` ${counted(left, "uploaded image")} ${left === 1 ? "is" : "are"} not included.` : "";
  const where = (await copied(location.href)) ? "Copied." : "The link is in the address bar.";
  byId("share-told").textContent = where + rest;
}
