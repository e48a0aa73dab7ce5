//go:build !linux

package school

// endHolder does nothing where the system does not say who holds a lock: the
// service is stopped with `rollbridge-agent service stop`.
func endHolder(string) bool { return false }
