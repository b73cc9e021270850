// The page is asked for again and its contents are put in place, unless somebody is reading
// along with the keyboard. Nothing else is ever asked for.
const live = document.getElementById("live");
async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = fresh.getElementById("live");
    if (!found) throw new Error("another page");
    if (!live.contains(document.activeElement)) live.innerHTML = found.innerHTML;
    document.body.classList.remove("is-lost");
  } catch {
    document.body.classList.add("is-lost");
  }
}
setInterval(() => { if (!document.hidden) refresh(); }, 5000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
