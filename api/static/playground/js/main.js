// The page: puts its parts together.

import { startAsking } from "./asking.js";
import { byId } from "./dom.js";
import { takeIn } from "./intake.js";
import { startJobs } from "./jobs.js";
import { startKeys } from "./keys.js";
import { startOffers } from "./offers.js";
import { Pictures } from "./pictures.js";
import { startSamples } from "./sample-buttons.js";
import { fillSettings } from "./settings.js";
import { fromFragment } from "./share.js";
import { showThumbs } from "./thumbs.js";
import { startViews } from "./views.js";

const pictures = new Pictures();

showThumbs(byId("thumbs"), pictures);
takeIn(pictures);
startKeys();
startOffers();
const asking = startAsking(pictures);
startSamples(pictures, asking.submit);
const jobs = startJobs();
startViews({ jobs, openShared });

/** Fill the form with what a link says; nothing is sent before somebody asks for it. */
function openShared(fragment) {
  const shared = fromFragment(fragment);
  if (!shared) return;
  pictures.clear();
  shared.links.forEach((link) => pictures.addLink(link));
  shared.samples.forEach((sample) => pictures.addSample(sample));
  fillSettings(shared.settings);
  asking.countLabels();
}
