//go:build !windows

package service

import "context"

// Run does work until ctx ends, which a signal of the service manager does.
func Run(ctx context.Context, work func(context.Context) error) error { return work(ctx) }

// NeedsPassword says that accounts of services have none here.
func NeedsPassword(string) bool { return false }
