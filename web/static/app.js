// A few small helpers. Every page works without them.
"use strict";

// Copies the text of a field or an output: <button data-copy="its-id" hidden>.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(field.value);
      announce("Copied");
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(field);
      field.select?.();
      announce("Copying was not allowed. The text is selected instead.");
    }
  });
}

// What is sent by a <form data-keep> is kept in this tab until the next page of somebody who is signed in. Whoever was
// signed out meanwhile finds it in the form again when they have signed in; somebody else does not. A page that says why it
// was refused has it already.
const person = document.querySelector("form.account > a")?.textContent;
if (person) {
  const keeping = document.querySelector("form[data-keep]");
  const kept = JSON.parse(sessionStorage.getItem("kept"));
  sessionStorage.removeItem("kept");
  if (keeping && kept?.person === person && !document.getElementById("refusal")) {
    for (const [name, value] of kept.fields) {
      const field = keeping.elements[name];
      field.value = value;
      // A choice that is not there any more is made anew: nothing is asked elsewhere than was meant.
      if (field.selectedIndex !== -1) continue;
      field.setCustomValidity("What you had chosen is not there any more.");
      field.addEventListener("change", () => field.setCustomValidity(""));
    }
    announce("What you typed is here again.");
  }
  keeping?.addEventListener("submit", () => {
    sessionStorage.setItem("kept", JSON.stringify({ person, fields: [...new FormData(keeping)] }));
  });
}

// While <main data-refresh-seconds> says so, fetches this page again and swaps its [data-live] parts, keeping the
// focus and what is unfolded. A part in which text is selected waits for the next round. A page that is as it was is not
// sent again (304).
const main = document.getElementById("main");
const connection = document.getElementById("connection");
let mark = "";
schedule();

function schedule() {
  const seconds = Number(main.dataset.refreshSeconds);
  if (seconds > 0) setTimeout(refresh, seconds * 1000);
}

// What a <form data-watch> begins takes long; the page of that address, whose parts are here too, says how far it is.
for (const form of document.querySelectorAll("form[data-watch]")) {
  form.addEventListener("submit", () => {
    if (main.dataset.refreshSeconds) return;
    main.dataset.refreshFrom = form.dataset.watch;
    main.dataset.refreshSeconds = 2;
    schedule();
  });
}

async function refresh() {
  if (document.hidden) {
    document.addEventListener("visibilitychange", refresh, { once: true });
    return;
  }
  try {
    const headers = { accept: "text/html", ...(mark && { "if-none-match": mark }) };
    const response = await fetch(main.dataset.refreshFrom ?? location.href, { headers, cache: "no-store" });
    if (response.redirected) {
      // What is being sent was let in when it began.
      if (!main.dataset.refreshFrom) location.reload();
      return;
    }
    if (response.status !== 304) {
      if (!response.ok) throw new Error(String(response.status));
      const whole = swap(new DOMParser().parseFromString(await response.text(), "text/html"));
      mark = whole ? (response.headers.get("etag") ?? "") : "";
    }
    connection.textContent = "";
  } catch {
    connection.textContent = " · not up to date: the connection was lost, trying again";
  }
  schedule();
}

function swap(fresh) {
  const selection = getSelection();
  let waiting = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next) continue;
    const open = new Set([...part.querySelectorAll("details[open]")].map((details) => details.id));
    for (const details of next.querySelectorAll("details")) details.open = open.has(details.id);
    if (next.innerHTML === part.innerHTML) continue;
    if (!selection.isCollapsed && selection.containsNode(part, true)) {
      waiting = true;
      continue;
    }
    const said = spoken(part);
    const focused = part.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
    part.replaceChildren(...next.childNodes);
    if (focused) (part.querySelector(focused) ?? main).focus({ preventScroll: true });
    if (spoken(part) !== said) announce(spoken(part));
  }
  if (!waiting) main.dataset.refreshSeconds = fresh.getElementById("main").dataset.refreshSeconds ?? "";
  return !waiting;
}

// Finds an element again after the swap: by its id, its address, or the details it belongs to. Focus on one that is
// gone moves to <main>.
function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.hasAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const details = element.closest("details[id]");
  return details ? `#${CSS.escape(details.id)} ${element.localName}` : ":not(*)";
}

function spoken(part) {
  return part.querySelector("[data-announce]")?.textContent.trim() ?? "";
}

function announce(text) {
  document.getElementById("announcement").textContent = text;
}
