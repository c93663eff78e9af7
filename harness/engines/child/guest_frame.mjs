// A guest on the page's own thread, in a frame of it: what a Worker sends to the page goes to `fromGuest` there.
// Nothing can stop such a guest but the end of its tab.

self.postMessage = (data) => window.parent.fromGuest({ data });
await import(`./${window.parent.guestModule}`).catch((error) => window.parent.fromGuest({ data: { trapped: String(error) } }));
