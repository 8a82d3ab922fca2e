// Brings the files of <form data-bring> piece by piece, with a bar for each, and goes on where it was after a cut, a
// reload or a restart of the hub. Without it the form brings them whole.
"use strict";

(() => {
  const PIECE_BYTES = 8 * 1024 * 1024;
  const TRIES = 8;
  const form = document.querySelector("form[data-bring]");
  if (!form) return;
  const api = form.dataset.bring;
  const list = document.getElementById("bringing");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...form.querySelector("input[type=file]").files];
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    document.getElementById("main").dataset.refreshSeconds = "";
    let whole = files.length > 0;
    for (const file of files) whole = (await bring(file)) && whole;
    button.disabled = false;
    if (whole) location.reload();
  });

  async function bring(file) {
    const show = row(file);
    try {
      await send(file, show);
      show(file.size, "brought; it is scanned now");
      return true;
    } catch (error) {
      show(null, error.message);
      announce(`${file.name}: ${error.message}`);
      return false;
    }
  }

  // A line with a bar; gives what moves it.
  function row(file) {
    const line = document.createElement("li");
    const label = document.createElement("label");
    const bar = document.createElement("progress");
    const words = document.createElement("span");
    bar.id = `bringing-${list.children.length}`;
    bar.max = file.size;
    bar.value = 0;
    label.htmlFor = bar.id;
    label.textContent = file.name;
    words.className = "quiet";
    line.append(label, bar, words);
    list.append(line);
    return (received, text) => {
      if (received !== null) bar.value = received;
      words.textContent = text ?? `${Math.floor((100 * received) / file.size)} %`;
    };
  }

  async function send(file, show) {
    let { id, link, received } = await begin(file);
    for (let tried = 0; received < file.size; ) {
      show(received);
      const end = Math.min(received + PIECE_BYTES, file.size);
      const headers = { "content-range": `bytes ${received}-${end - 1}/${file.size}` };
      try {
        const response = await fetch(link, { method: "PUT", headers, body: file.slice(received, end) });
        if (response.ok) {
          received = (await response.json()).received ?? file.size;
          tried = 0;
          continue;
        }
        const problem = await said(response);
        if (![409, 410, 503].includes(response.status)) throw new Refused(problem);
        if (problem.code === "upload_complete") break;
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      tried += 1;
      if (tried > TRIES) throw new Error("the hub cannot be reached; choose the file again to go on where it was");
      show(received, "the connection was lost; trying again");
      await new Promise((resume) => setTimeout(resume, 250 * 2 ** tried));
      try {
        ({ link, received } = await resume(id, link));
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
    }
    localStorage.removeItem(mark(file));
  }

  // What this browser has begun of the same file goes on; everything else begins.
  async function begin(file) {
    const known = localStorage.getItem(mark(file));
    if (known) {
      try {
        return await again(known);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const opened = await call(api, { name: file.name, bytes: file.size });
    localStorage.setItem(mark(file), opened.id);
    return opened;
  }

  // How far it is, by the link while it works, else by another.
  async function resume(id, link) {
    const response = await fetch(link, { cache: "no-store" });
    if (!response.ok) return again(id);
    const file = await response.json();
    return { link, received: file.state === "uploading" ? file.received : file.bytes };
  }

  function again(id) {
    return call(`${api}/${id}/link`, {});
  }

  async function call(path, body) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Refused(await said(response));
    return response.json();
  }

  async function said(response) {
    try {
      return await response.json();
    } catch {
      return { title: `the hub answered ${response.status}` };
    }
  }

  function mark(file) {
    return `bring ${api} ${file.size} ${file.lastModified} ${file.name}`;
  }

  class Refused extends Error {
    constructor(problem) {
      super(problem.detail ?? problem.title);
    }
  }
})();
