module github.com/bulwark-go/bulwark/redisstore

go 1.26.0

require github.com/redis/rueidis v1.0.79

require (
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/bulwark-go/bulwark => ../
