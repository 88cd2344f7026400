package e2e

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestEcho(t *testing.T) {
	try(t, service{
		open:    openEcho,
		noRoute: "service.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/:id", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
			unknown: "GET /*", // for RouteNotFound is a route to echo
		},
	})
}

func openEcho(c *core) http.Handler {
	router := echo.New()
	router.RouteNotFound("/*", echo.WrapHandler(http.HandlerFunc(noRoute)))
	router.Use(echoRoute)

	router.GET("/health", func(e echo.Context) error { return e.String(http.StatusOK, "ok") })
	router.GET("/documents/:id", echo.WrapHandler(c.object(c.documents)), echoPathValues)
	router.POST("/documents", func(e echo.Context) error {
		d, err := c.create(e.Request())
		if err != nil {
			bulwark.Deny(e.Response(), e.Request(), err)
			return nil
		}
		return e.JSON(http.StatusCreated, d)
	}, echoLayer(c.behind(authz.Require("document:create:own"), newDocument()...)))
	router.GET("/admin", func(e echo.Context) error {
		return e.String(http.StatusOK, "welcome")
	}, echoLayer(c.behind(authz.RequireRole("admin"))))
	router.GET("/vault", func(echo.Context) error {
		return echo.ErrForbidden // echo answers with it when all middleware has returned
	}, echoLayer(c.behind(authz.Authenticated(), vaultGuesses()...)))
	router.POST("/batch", func(e echo.Context) error {
		result, err := c.runBatch(e.Request())
		if err != nil {
			bulwark.Deny(e.Response(), e.Request(), err)
			return nil
		}
		return e.JSON(http.StatusOK, result)
	}, echoLayer(c.behind(authz.Authenticated(), newBatch()...)))
	return router
}

// echoRoute records the pattern of the route. echo keeps it in its own context,
// where a function of the request does not find it.
func echoRoute(next echo.HandlerFunc) echo.HandlerFunc {
	return func(e echo.Context) error {
		layer := bulwark.RecordRoute(func(r *http.Request) string { return routeOf(r, e.Path()) })
		return echoLayer(layer)(next)(e)
	}
}

// echoPathValues puts the parameters where net/http has them.
func echoPathValues(next echo.HandlerFunc) echo.HandlerFunc {
	return func(e echo.Context) error {
		for _, name := range e.ParamNames() {
			e.Request().SetPathValue(name, e.Param(name))
		}
		return next(e)
	}
}
