"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // The document is validated by this project's tests, not by a server elsewhere.
  validatorUrl: null,
});
