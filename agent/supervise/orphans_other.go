//go:build !linux

package supervise

// adoptOrphans has nothing to do: on Windows what a worker starts is in its job.
func adoptOrphans() error { return nil }

func endOrphans() error { return nil }
