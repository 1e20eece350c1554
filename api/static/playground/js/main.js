// The entry point of the page. A module of a view registers it.

import "./gallery/main.js";
import "./jobs/main.js";
import { startKeys } from "./keys.js";
import "./rank/main.js";
import "./search/main.js";
import { startViews } from "./views.js";

startKeys();
startViews();
