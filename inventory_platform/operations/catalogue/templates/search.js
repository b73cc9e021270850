const root = document.currentScript.dataset.root;
const box = document.getElementById("search");
const list = document.getElementById("found");

function score([name, , , text], words) {
  const title = name.toLowerCase();
  const all = title + " " + text.toLowerCase();
  if (!words.every((word) => all.includes(word))) return 0;
  const whole = words.join(" ");
  if (title === whole || title === words.join("_")) return 4;
  if (title.startsWith(words[0])) return 3;
  return words.every((word) => title.includes(word)) ? 2 : 1;
}

function show() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  list.replaceChildren();
  list.hidden = !words.length;
  if (!words.length) return;
  const hits = ENTRIES.map((entry) => [score(entry, words), entry]).filter(([points]) => points);
  hits.sort((a, b) => b[0] - a[0]);
  for (const [, [name, kind, address]] of hits.slice(0, 30)) {
    const link = document.createElement("a");
    link.href = root + address;
    link.textContent = name;
    const note = document.createElement("small");
    note.textContent = kind;
    const item = document.createElement("li");
    item.append(link, note);
    list.append(item);
  }
  if (!hits.length) {
    const item = document.createElement("li");
    item.textContent = "Nothing is called that.";
    list.append(item);
  }
}

box.addEventListener("input", show);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== box) {
    event.preventDefault();
    box.focus();
  }
  if (event.key === "Escape") {
    box.value = "";
    show();
  }
  if (event.key === "Enter" && document.activeElement === box) list.querySelector("a")?.click();
});
