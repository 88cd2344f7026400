package e2e

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
)

// echoLayer makes an echo middleware from a layer, or from a Stack of several
// layers. echo.WrapMiddleware is not enough: it handles the error of a handler
// after the layer has returned, so the layer does not see the status.
func echoLayer(layer bulwark.Layer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(e echo.Context) error {
			outerResponse, outerRequest := e.Response(), e.Request()
			defer func() {
				e.SetResponse(outerResponse)
				e.SetRequest(outerRequest)
			}()
			layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				e.SetRequest(r)
				e.SetResponse(echo.NewResponse(w, e.Echo()))
				if err := next(e); err != nil {
					e.Error(err) // the layer must see the status before it returns
				}
			})).ServeHTTP(outerResponse, outerRequest)
			return nil
		}
	}
}
