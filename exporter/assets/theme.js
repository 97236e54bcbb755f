// Light, dark, or as the system has it; remembered in this browser.

const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = [];

function kept() {
  try {
    return localStorage.getItem("parshall-theme") ?? "auto";
  } catch {
    return "auto";
  }
}

let wanted = kept();

function apply() {
  const dark = wanted === "dark" || (wanted === "auto" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

/** A colour of the style sheet as it is now. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Calls back when colours change. */
export const onTheme = (listener) => listeners.push(listener);

/** Starts, with the choice in `fieldset`. */
export function startTheme(fieldset) {
  for (const input of fieldset.querySelectorAll("input")) {
    input.checked = input.value === wanted;
    input.addEventListener("change", () => {
      wanted = input.value;
      try {
        localStorage.setItem("parshall-theme", wanted);
      } catch {
        // Without storage the choice lasts as long as the page.
      }
      apply();
    });
  }
  system.addEventListener("change", apply);
  apply();
}
