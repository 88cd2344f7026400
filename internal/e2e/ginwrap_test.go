package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// What docs/routers.md says of gin.WrapH: around a layer it does not stop the
// handlers after it, and ginLayer does.
func TestGinWrapHIsNotAnAdapter(t *testing.T) {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}}, Roles: authz.Roles{"user": {}}}))
	members := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Authenticated()}))
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, test := range map[string]struct {
		middleware gin.HandlerFunc
		shows      bool
	}{
		"WrapH":    {gin.WrapH(members.Wrap(nothing)), true},
		"ginLayer": {ginLayer(members), false},
	} {
		router := gin.New()
		router.GET("/secret", test.middleware, func(g *gin.Context) { g.String(http.StatusOK, "top secret") })
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("GET", "/secret", nil))
		if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "top secret") != test.shows {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
