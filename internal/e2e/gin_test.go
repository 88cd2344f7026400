package e2e

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestGin(t *testing.T) {
	try(t, service{
		open:    openGin,
		noRoute: "service.no_route",
		routes: routes{
			health: "GET /health", document: "GET /documents/:id", create: "POST /documents", admin: "GET /admin",
			vault: "GET /vault", batch: "POST /batch",
		},
	})
}

func openGin(c *core) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.NoRoute(gin.WrapF(noRoute))
	router.Use(ginRoute)

	router.GET("/health", func(g *gin.Context) { g.String(http.StatusOK, "ok") })
	router.GET("/documents/:id", ginPathValues, gin.WrapH(c.object(c.documents)))
	router.POST("/documents", ginLayer(c.behind(authz.Require("document:create:own"), newDocument()...)), func(g *gin.Context) {
		d, err := c.create(g.Request)
		if err != nil {
			bulwark.Deny(g.Writer, g.Request, err)
			return
		}
		g.JSON(http.StatusCreated, d)
	})
	router.GET("/admin", ginLayer(c.behind(authz.RequireRole("admin"))), func(g *gin.Context) {
		g.String(http.StatusOK, "welcome")
	})
	router.GET("/vault", ginLayer(c.behind(authz.Authenticated(), vaultGuesses()...)), func(g *gin.Context) {
		g.Status(http.StatusForbidden) // gin writes this header when all is over
	})
	router.POST("/batch", ginLayer(c.behind(authz.Authenticated(), newBatch()...)), func(g *gin.Context) {
		result, err := c.runBatch(g.Request)
		if err != nil {
			bulwark.Deny(g.Writer, g.Request, err)
			return
		}
		g.JSON(http.StatusOK, result)
	})
	return router
}

// ginRoute records the pattern of the route. gin keeps it in its own context,
// where a function of the request does not find it.
func ginRoute(g *gin.Context) {
	ginLayer(bulwark.RecordRoute(func(r *http.Request) string { return routeOf(r, g.FullPath()) }))(g)
}

// ginPathValues puts the parameters where net/http has them.
func ginPathValues(g *gin.Context) {
	for _, p := range g.Params {
		g.Request.SetPathValue(p.Key, p.Value)
	}
}
