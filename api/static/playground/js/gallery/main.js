// The view Gallery.

import { registerView } from "../views.js";

registerView("gallery", { title: "Gallery", show: () => {}, hide: () => {} });
