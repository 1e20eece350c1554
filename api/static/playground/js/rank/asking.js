// The form: from its fields to an answer on the page.

import { events } from "../api.js";
import { copied } from "./explained.js";
import { byId, tellFault } from "../dom.js";
import { faultsByQuery } from "./faults.js";
import { labelsOf } from "../jobs/label-set.js";
import { counted } from "../numbers.js";
import { showOutcome } from "./outcome.js";
import { asItem } from "../images.js";
import { Problem } from "../problem.js";
import { rank } from "../ranking.js";
import { remember } from "../remembered.js";
import { asFields, forgetFaults, lines, placeFault, readSettings } from "./settings.js";
import { toFragment } from "./share.js";

export function startAsking(images) {
  const outcome = showOutcome();
  let running = null;
  let wantsKey = false;

  async function submit() {
    if (running) return;
    const request = { images: images.all, settings: readSettings() };
    forgetFaults();
    images.tellFaults(new Map());
    if (!check(request)) return;
    const several = request.images.length > 1 ? { allow_partial: true } : {};
    request.fields = { ...asFields(request.settings), alpha: "white", ...several };
    running = new AbortController();
    wantsKey = false;
    busy(true);
    outcome.begin(request.images.length, () => running?.abort());
    try {
      const answer = await send(request, running.signal);
      outcome.show(request, answer);
      images.tellFaults(faultsByQuery(answer.result, request.images));
    } catch (error) {
      fail(request, error);
    } finally {
      running = null;
      busy(false);
    }
  }

  async function send({ images: chosen, fields, settings }, signal) {
    const body = { queries: await Promise.all(chosen.map(asItem)), ...fields };
    signal.throwIfAborted();
    const onJob = (id) => remember(id, chosen, settings);
    const answer = await rank(body, { signal, onJob, onProgress: outcome.progress });
    const labels = settings.labelSet ? await labelsOf({ name: settings.labelSet }) : settings.labels;
    return { ...answer, labels };
  }

  function fail(request, error) {
    if (error.name === "AbortError") return outcome.cancelled();
    const problem = error instanceof Problem ? error : new Problem({ title: "Something went wrong", detail: error.message });
    wantsKey = problem.status === 401;
    outcome.fail(place(problem, request), problem.faults.length ? null : submit);
  }

  /** Put each fault where it belongs: at its image, at its field, or with the rest. */
  function place(problem, { images: chosen, settings }) {
    images.tellFaults(faultsByQuery({ errors: problem.faults }, chosen));
    for (const fault of problem.faults) {
      const [, list, index] = fault.pointer.split("/");
      const image = list === "queries" ? chosen[Number(index)] : undefined;
      if (image) fault.told = `${image.name} ${fault.detail}`;
      else if (placeFault(fault.pointer, settings, fault.detail)) {
        fault.told = `${list.replace("_", " ")}: ${fault.detail}`;
      }
    }
    return problem;
  }

  byId("asking").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("labels").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  byId("labels").addEventListener("input", countLabels);
  byId("clear").addEventListener("click", () => {
    byId("asking").reset();
    images.clear();
    forgetFaults();
    countLabels();
    outcome.reset();
    history.replaceState(null, "", location.pathname);
    byId("files").focus();
  });
  byId("share").addEventListener("click", () => share(images.all));
  events.addEventListener("key", () => wantsKey && submit());
  countLabels();
  return { submit, countLabels };
}

function busy(is) {
  byId("rank").disabled = is;
  byId("outcome").setAttribute("aria-busy", String(is));
}

function countLabels() {
  const count = lines(byId("labels").value).length;
  byId("labels-told").textContent = count ? `${counted(count, "label")}, one per line.` : "One per line.";
}

/** Checks without the server; the focus goes to the field that is incomplete. */
function check({ images: chosen, settings }) {
  const hasLabels = settings.labels.length > 0 || settings.labelSet;
  if (!hasLabels) tellFault(byId("labels"), "Type at least one label; better two or more.");
  if (!chosen.length) tellFault(byId("link"), "Choose an image or a sample first.");
  const missing = !chosen.length ? byId("files") : hasLabels ? null : byId("labels");
  missing?.focus();
  return !missing;
}

async function share(chosen) {
  const fragment = toFragment(readSettings(), chosen);
  history.replaceState(null, "", fragment);
  const left = chosen.filter((each) => each.kind === "file").length;
  const rest = left ? ` ${counted(left, "uploaded image")} ${left === 1 ? "is" : "are"} not included.` : "";
  const where = (await copied(location.href)) ? "Copied." : "The link is in the address bar.";
  byId("share-told").textContent = where + rest;
}
