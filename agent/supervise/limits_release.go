//go:build !testclock

package supervise

func inForce() limits { return released }
