// The view Search.

import { registerView } from "../views.js";

registerView("search", { title: "Search", show: () => {}, hide: () => {} });
