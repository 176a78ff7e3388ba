// Keeps the page current, filters while one types, and copies text. Without it, the page works by links and its form.
"use strict";
(() => {
  const REFRESH = 15_000;
  const TYPING = 250;
  let generation = 0;

  document.documentElement.classList.add("js");

  // Replaces the live parts of this page by those of the page at an address.
  async function load(address) {
    const mine = ++generation;
    const response = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!response.ok || mine !== generation) return false;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine !== generation) return false;
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
      // A part that somebody reads with the keyboard, or has opened, stays.
      const isBusy = part.contains(document.activeElement) || part.querySelector("details[open]");
      if (fresh && !(isBusy && address === location.href)) part.replaceChildren(...fresh.childNodes);
    }
    addCopyButtons();
    return true;
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      await load(location.href);
    } catch {
      // The server is restarted, or the network is down: the page keeps what it has, with its date.
    }
  }
  setInterval(refresh, REFRESH);
  document.addEventListener("visibilitychange", refresh);

  const form = document.querySelector("[data-filter]");
  if (form) {
    let timer;
    const apply = async () => {
      const data = new FormData(form);
      const query = new URLSearchParams([...data].filter(([name, value]) => value && !(name === "sort" && value === "state")));
      const address = new URL(`?${query}`, location.href);
      history.replaceState(null, "", address);
      try {
        await load(address.href);
      } catch {
        form.submit();
      }
    };
    form.addEventListener("input", (event) => {
      clearTimeout(timer);
      timer = setTimeout(apply, event.target.type === "search" ? TYPING : 0);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      apply();
    });
  }

  // The same words as `phrases::relative` of the server.
  function relative(distance) {
    const units = [[86_400, "day"], [3_600, "h"], [60, "min"], [1, "s"]];
    const size = Math.abs(distance);
    const [unit, name] = units.find(([unit]) => size >= unit) ?? units[3];
    const count = Math.floor(size / unit);
    if (count === 0) return "now";
    const text = `${count} ${name}${name === "day" && count > 1 ? "s" : ""}`;
    return distance < 0 ? `${text} ago` : `in ${text}`;
  }
  setInterval(() => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time.rel")) {
      time.textContent = relative(Math.round((Date.parse(time.dateTime) - Date.now()) / 1000));
    }
  }, 5_000);

  function addCopyButtons() {
    if (!navigator.clipboard) return;
    for (const code of document.querySelectorAll("code[data-copy]:not([data-copied])")) {
      code.dataset.copied = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "copy";
      button.setAttribute("aria-label", `Copy ${code.textContent}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1_500);
      });
      code.after(" ", button);
    }
  }
  addCopyButtons();
})();
