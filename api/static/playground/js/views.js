// Two views on one page, selected by the fragment: the jobs at #jobs, otherwise the playground.

import { byId } from "./dom.js";

export function startViews({ jobs, openShared }) {
  const show = () => {
    const areJobs = location.hash === "#jobs";
    byId("rank-view").hidden = areJobs;
    byId("jobs-view").hidden = !areJobs;
    document.title = areJobs ? "Jobs · CLIP playground" : "CLIP playground";
    for (const link of document.querySelectorAll("[data-view]")) {
      if ((link.dataset.view === "jobs") === areJobs) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (areJobs) jobs.show();
    else jobs.hide();
    if (!areJobs && location.hash.length > 1) openShared(location.hash);
  };
  window.addEventListener("hashchange", () => {
    show();
    window.scrollTo(0, 0);
  });
  show();
}
