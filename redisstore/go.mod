module github.com/bulwark-go/bulwark/redisstore

go 1.26.0

require (
	github.com/bulwark-go/bulwark v0.0.0-00010101000000-000000000000
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.49.0 // indirect

replace github.com/bulwark-go/bulwark => ../
