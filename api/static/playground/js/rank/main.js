// The view Rank.

import { byId } from "../dom.js";
import { Images } from "../images.js";
import { registerView } from "../views.js";
import { startAsking } from "./asking.js";
import { takeIn } from "./intake.js";
import { startOffers } from "./offers.js";
import { startSamples } from "./sample-buttons.js";
import { fillSettings } from "./settings.js";
import { fromQuery } from "./share.js";
import { showThumbs } from "./thumbs.js";

const images = new Images();

showThumbs(byId("thumbs"), images);
takeIn(images);
startOffers();
const asking = startAsking(images);
startSamples(images, asking.submit);
registerView("rank", { show: ({ query }) => openShared(query) });

/** Fill the form from a shared link; nothing is sent until the user submits it. */
function openShared(query) {
  const shared = fromQuery(query);
  if (!shared) return;
  images.clear();
  shared.links.forEach((link) => images.addLink(link));
  shared.samples.forEach((sample) => images.addSample(sample));
  fillSettings(shared.settings);
  asking.countLabels();
}
