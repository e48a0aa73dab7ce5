// What pages do beyond working: the components of govuk-frontend, and a warning before a
// session ends. Nothing here is needed to use a page.

document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) document.body.classList.add("govuk-frontend-supported");

// A program built without npm has no govuk.js.
import("./govuk.js").then((govuk) => govuk.initAll(), () => undefined);

const session = document.querySelector(".portal-session");
if (session) {
  const form = session.querySelector("form");
  const line = form.querySelector("p");
  let timers = [];

  const say = (text) => {
    line.textContent = text;
    session.classList.add("portal-session--now");
  };
  const count = (ends) => {
    timers.forEach(clearTimeout);
    timers = [
      setTimeout(() => say(session.dataset.ending), Math.max(0, ends - Number(session.dataset.warn)) * 1000),
      setTimeout(() => say(session.dataset.ended), ends * 1000),
    ];
  };
  count(Number(session.dataset.ends));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(form.action, { method: "POST", credentials: "same-origin" }).catch(() => undefined);
    if (!answer || !answer.ok || answer.redirected) {
      say(session.dataset.ended);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    count(Number(page.querySelector(".portal-session").dataset.ends));
    line.textContent = session.dataset.stayed;
    session.classList.remove("portal-session--now");
  });
}
