// The entry point of the page.

import { startAsking } from "./asking.js";
import { byId } from "./dom.js";
import { takeIn } from "./intake.js";
import { startJobs } from "./jobs.js";
import { startKeys } from "./keys.js";
import { startOffers } from "./offers.js";
import { Images } from "./images.js";
import { startSamples } from "./sample-buttons.js";
import { fillSettings } from "./settings.js";
import { fromFragment } from "./share.js";
import { showThumbs } from "./thumbs.js";
import { startViews } from "./views.js";

const images = new Images();

showThumbs(byId("thumbs"), images);
takeIn(images);
startKeys();
startOffers();
const asking = startAsking(images);
startSamples(images, asking.submit);
const jobs = startJobs();
startViews({ jobs, openShared });

/** Fill the form from a shared link; nothing is sent until the user submits it. */
function openShared(fragment) {
  const shared = fromFragment(fragment);
  if (!shared) return;
  images.clear();
  shared.links.forEach((link) => images.addLink(link));
  shared.samples.forEach((sample) => images.addSample(sample));
  fillSettings(shared.settings);
  asking.countLabels();
}
