package e2e

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
)

// echoLayer makes a middleware of echo's out of a layer, or of a Stack of
// several. echo.WrapMiddleware does so too, but hands on the error of a handler
// only when the layer has returned, so that the layer does not see the status.
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
