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

// openRoutes lists every route with its rule: one without a rule cannot be
// written.
func (a *App) openRoutes() error {
	mux := authz.NewMux(a.policy)
	a.mux = mux
	documents, admin := a.documents(), authz.RequireRole("admin")

	// What a body must look like, and what is taken out of it before.
	jsonBody := []string{"application/json"}
	clean := sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text, "/content": sanitize.UGC}, MaxBodyBytes: maxDocumentBody, JSON: documentStrings}
	cleanName := sanitize.Config{Fields: sanitize.Fields{"/name": sanitize.Text}, MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	login := validate.Config{Body: validate.SchemaJSON(loginSchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	newUser := validate.Config{Body: validate.SchemaJSON(userSchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	onePage := validate.Config{Query: validate.SchemaJSON(pageSchema)}
	document := validate.Config{Body: validate.SchemaJSON(documentSchema), MaxBodyBytes: maxDocumentBody, JSON: documentStrings, MediaTypes: jsonBody}
	patch := validate.Config{Body: validate.SchemaJSON(patchSchema), MaxBodyBytes: maxDocumentBody, JSON: documentStrings}
	newKey := validate.Config{Body: validate.SchemaJSON(keySchema), MaxBodyBytes: maxBody, JSON: shortStrings, MediaTypes: jsonBody}
	// The auth layer refuses what a page of another site sends only where there
	// is a cookie already. A login gives one out.
	sameSite, err := auth.NewCrossSite(a.config.Origins)
	if err != nil {
		return err
	}
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
	mux.Handle("GET "+jwksPath, authz.Public("public keys"), a.sessions.JWKSHandler())
	mux.Handle("GET "+metadataPath, authz.Public("RFC 9728"), metadata)
	mux.Handle("GET /.well-known/security.txt", authz.Public("RFC 9116"), securityTxt)
	mux.Handle("POST "+reportsPath, authz.Public("browsers send reports without credentials"), reports)

	mux.Handle("POST /api/auth/login", authz.Public("how one becomes somebody"), http.HandlerFunc(a.login), sameSite, a.requestLimit(), login)
	mux.Handle("POST /api/auth/refresh", authz.Public("has a credential of its own"), a.sessions.RefreshHandler())
	mux.Handle("POST /api/auth/logout", authz.Public("whoever wants to be logged out is"), keepingDevice(a.sessions.LogoutHandler()))
	mux.Handle("GET /api/auth/me", authz.Public("tells nobody that it is nobody"), http.HandlerFunc(a.me))
	mux.Handle("POST /users", authz.Public("sign-up"), http.HandlerFunc(a.signUp), a.requestLimit(), cleanName, newUser)

	authz.HandleList(mux, "GET /documents", documents.Can("read"), a.listDocuments, onePage)
	authz.HandleCreate(mux, "POST /documents", documents.Can("create"), a.createDocument, clean, document)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), a.getDocument)
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), a.putDocument, clean, document)
	authz.HandleObject(mux, "PATCH /documents/{id}", documents.Can("update"), a.patchDocument, clean, patch)
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), a.deleteDocument)

	mux.Handle("GET /admin/users", admin, http.HandlerFunc(a.listUsers), onePage)
	mux.Handle("GET /admin/routes", admin, http.HandlerFunc(a.listRoutes))
	mux.Handle("POST /admin/keys", admin, http.HandlerFunc(a.createKey), newKey)
	mux.Handle("POST /admin/keys/{id}/rotate", admin, http.HandlerFunc(a.rotateKey))
	return nil
}
