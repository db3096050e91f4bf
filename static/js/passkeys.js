// Passkeys: the browser makes a credential, or proves that it holds one; the form carries what it says.
//
// <form data-passkey="create|get" data-options="…"> or, for a login, data-options-from="/address": the
// options of the server as JSON. The form has a hidden field "credential" and an element [data-trouble].
"use strict";

const able = isSecureContext && "parseRequestOptionsFromJSON" in (window.PublicKeyCredential ?? {});
const WORDS = {
  NotAllowedError: "Nothing was chosen, or it took too long.",
  InvalidStateError: "This key is registered already.",
  SecurityError: "Passkeys work at a host name over https, and at localhost; not at this address.",
};

async function options(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
  const answer = await fetch(form.dataset.optionsFrom, { headers });
  if (!answer.ok) throw new Error("Too many attempts. Try again in a minute.");
  return (await answer.json()).request_options;
}

async function credential(form) {
  const { publicKey } = await options(form);
  if (form.dataset.passkey === "get") {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  }
  if (form.elements.passwordless?.checked) {
    const alone = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
    publicKey.authenticatorSelection = { ...publicKey.authenticatorSelection, ...alone };
  }
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
}

async function send(form) {
  try {
    form.elements.credential.value = JSON.stringify(await credential(form));
    form.submit();
  } catch (error) {
    tell(form, WORDS[error.name] ?? error.message);
  }
}

function tell(form, text) {
  const trouble = form.querySelector("[data-trouble]");
  trouble.textContent = text;
  trouble.hidden = false;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  if (able) form.hidden = false;
  else if (!form.hidden) tell(form, "Passkeys need a newer browser, and an address over https (or localhost).");
}
