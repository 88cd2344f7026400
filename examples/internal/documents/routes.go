package documents

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

const (
	jwksPath     = "/.well-known/jwks.json"
	metadataPath = "/.well-known/oauth-protected-resource"
	reportsPath  = "/reports/csp"
)

// openRoutes registers every route with its rule. The Mux does not accept a
// route without a rule.
func (a *App) openRoutes() error {
	mux := authz.NewMux(a.policy)
	a.mux = mux
	documents, admin := a.documents(), authz.RequireRole("admin")
	// What cannot be undone asks for the password again, unless it was given in
	// the last five minutes.
	confirmed := admin.Factor(password, 5*time.Minute)
	somebody := authz.Authenticated()

	// Without MediaTypes a layer also accepts merge patches.
	jsonBody := []string{"application/json"}

	// Layers that remove unsafe markup from a body. They stand before the layer
	// that checks the body. What looks like an attack in a document is
	// reported, and stored: somebody may write about SQL.
	clean := sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text, "/content": sanitize.UGC}, Detect: sanitize.DetectReport, MaxBodyBytes: maxDocumentBody, JSON: documentStrings}
	cleanName := sanitize.Config{Fields: sanitize.Fields{"/name": sanitize.Text}, MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}

	// Layers that check a body, or the query, against a schema.
	login := validate.Config{Body: validate.SchemaJSON(loginSchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	newUser := validate.Config{Body: validate.SchemaJSON(userSchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	onePage := validate.Config{Query: validate.SchemaJSON(pageSchema)}
	events := validate.Config{Query: validate.SchemaJSON(eventsSchema)}
	document := validate.Config{Body: validate.SchemaJSON(documentSchema), MaxBodyBytes: maxDocumentBody, JSON: documentStrings, MediaTypes: jsonBody}
	patch := validate.Config{Body: validate.SchemaJSON(patchSchema), MaxBodyBytes: maxDocumentBody, JSON: documentStrings}
	confirm := validate.Config{Body: validate.SchemaJSON(confirmSchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	sessions := validate.Config{Query: validate.SchemaJSON(sessionsSchema)}
	keys := validate.Config{Query: validate.SchemaJSON(keysSchema)}
	newKey := validate.Config{Body: validate.SchemaJSON(keySchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}

	// The auth layer refuses a request from a page of another site only if the
	// request has a session cookie. A login does not have a cookie yet, so it
	// needs a check of its own.
	sameSite, err := auth.NewCrossSite(a.config.Origins)
	if err != nil {
		return err
	}

	// Handlers for the well-known paths and the reports of browsers.
	metadata, err := auth.MetadataHandler(auth.Metadata{
		Resource: a.config.BaseURL, AuthorizationServers: []string{a.issuer()}, JWKSURI: a.config.BaseURL + jwksPath, Name: "Documents",
	})
	if err != nil {
		return err
	}
	securityTxt, err := headers.SecurityTxtHandler(headers.SecurityTxt{Contact: []string{"mailto:security@example.com"}, Expires: time.Now().AddDate(0, 6, 0)})
	if err != nil {
		return err
	}
	reports, err := headers.ReportsHandler(headers.Reports{})
	if err != nil {
		return err
	}

	mux.Handle("GET /{$}", authz.Public("the page"), http.HandlerFunc(page), pageHeaders())
	mux.Handle("GET /health", authz.Public("liveness"), http.HandlerFunc(health))
	mux.Handle("GET "+jwksPath, authz.Public("public keys"), a.signer.JWKSHandler())
	mux.Handle("GET "+metadataPath, authz.Public("RFC 9728"), metadata)
	mux.Handle("GET /.well-known/security.txt", authz.Public("RFC 9116"), securityTxt)
	mux.Handle("POST "+reportsPath, authz.Public("browsers send reports without credentials"), reports)

	mux.Handle("POST /api/auth/login", authz.Public("a login comes before the credential"), http.HandlerFunc(a.login), sameSite, a.requestLimit(), login)
	mux.Handle("POST /api/auth/refresh", authz.Public("the refresh cookie is the credential"), a.sessions.RefreshHandler())
	mux.Handle("POST /api/auth/logout", authz.Public("everybody may log out"), a.sessions.LogoutHandler())
	mux.Handle("GET /api/auth/me", authz.Public("also says that nobody is logged in"), http.HandlerFunc(a.me))
	mux.Handle("POST /api/auth/confirm", somebody, forPeople(a.confirm), a.requestLimit(), confirm)
	mux.Handle("GET /api/sessions", somebody, forPeople(a.listOwnSessions), onePage)
	mux.Handle("DELETE /api/sessions/others", somebody, forPeople(a.endOtherSessions))
	mux.Handle("DELETE /api/sessions/{id}", somebody, forPeople(a.endOwnSession))
	mux.Handle("POST /users", authz.Public("sign-up"), http.HandlerFunc(a.signUp), a.requestLimit(), cleanName, newUser)

	authz.HandleList(mux, "GET /documents", documents.Can("read"), a.listDocuments, onePage)
	authz.HandleCreate(mux, "POST /documents", documents.Can("create"), a.createDocument, clean, document)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), a.getDocument)
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), a.updateDocument, clean, document)
	authz.HandleObject(mux, "PATCH /documents/{id}", documents.Can("update"), a.updateDocument, clean, patch)
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), a.deleteDocument)

	authz.HandleList(mux, "GET /admin/users", a.people().Can("list"), a.listUsers, onePage)
	mux.Handle("GET /admin/routes", admin, http.HandlerFunc(a.listRoutes))
	mux.Handle("GET /admin/activity", admin, http.HandlerFunc(activityPage), activityHeaders())
	mux.Handle("GET /admin/activity/counters", admin, http.HandlerFunc(a.activityCounters))
	mux.Handle("GET /admin/events", admin, http.HandlerFunc(a.streamEvents), events)
	mux.Handle("GET /admin/sessions", admin, http.HandlerFunc(a.listSessions), sessions)
	mux.Handle("DELETE /admin/sessions/{id}", admin, http.HandlerFunc(a.endSession))
	mux.Handle("GET /admin/keys", admin, http.HandlerFunc(a.listKeys), keys)
	mux.Handle("POST /admin/keys", admin, http.HandlerFunc(a.createKey), newKey)
	mux.Handle("POST /admin/keys/{id}/rotate", admin, http.HandlerFunc(a.rotateKey))
	mux.Handle("DELETE /admin/keys/{id}", admin, http.HandlerFunc(a.revokeKey))
	mux.Handle("DELETE /admin/users/{id}/keys", confirmed, http.HandlerFunc(a.revokeKeysOf))
	mux.Handle("DELETE /admin/users/{id}", confirmed, http.HandlerFunc(a.closeAccount))
	return nil
}
