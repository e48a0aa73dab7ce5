// Package wonde is a double of Wonde's interface, version 1.0, as its
// documentation and its vendor's PHP client describe it: a bearer token (or Basic
// with the token as user), /v1.0/schools/{id}/{resource}, include, per_page,
// updated_after, included objects under data, dates as objects with a time zone,
// the link to the next page in meta.pagination, deletions by type.
//
// It has the quirks that a reader must not trip over: a school of another region
// is answered with no data and no error, a property without a scope is null, and
// both known forms of the next link.
//
// What no source names (the shape of in_care_details, of needs, exclusions and
// results) the double does not know either: the test, which is the school, gives
// it as functions. What it makes of a [demoschool.School] it makes at each
// request; after a change of the school a test calls [Double.Revise].
//
// Start reading at New and serve.go; what there is stands in resources.go.
package wonde
