/** Made from api/openapi.json by `npm run types`: not to be edited. */

import type { Count } from './units';

export interface paths {
    "/api/v1/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the last backup stands. */
        get: operations["progress"];
        put?: never;
        /** Begin a backup. It goes on by itself: ask again how it stands. Needs the role operator. */
        post: operations["begin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/baseline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What links and categories should carry: the same local time of past weeks at today's level, with its band. */
        get: operations["baseline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/capacity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All links by when they are full, and their 95th percentiles against commitment and capacity, months side by side.
         * @description Worked out from the last 400 days and kept for an hour; one answer works for at most 10 seconds.
         */
        get: operations["capacity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/damage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is wrong with what is stored, and what to do about it. */
        get: operations["damage"];
        put?: never;
        /** Look for damage now. It goes on by itself: ask again what was found. Needs the role operator. */
        post: operations["look"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the capture's engine says of itself: costs, table fill, how soon flows are known. */
        get: operations["engine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events: drops and surges of volumes against the same hour of past weeks. */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One event: its series, what it is made of, what rose meanwhile, what was said and told of it. */
        get: operations["event"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}/evidence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that an event follows from: `etiage events show ID --bundle DIR` writes it into files, and
         *     `etiage events verify DIR` recomputes the event from them.
         * @description The series of the event (its 24 largest) and the totals of their links: by five minutes for the weeks
         *     before, by the minute from two days before the onset on, where minutes are still kept.
         */
        get: operations["evidence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}/notes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Acknowledge an event, comment on it, or silence it for a time. */
        post: operations["add_note"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An event's main series, or another one, from 6 hours before its onset to 3 hours after its end. */
        get: operations["event_series"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/filter": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is wrong with a filter, and what could come next.
         * @description Always answers 200 with what is known of the text; where the database does not answer, names that only it
         *     knows are not among the completions.
         */
        get: operations["filter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/flow-records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Records of single flows whose last packet is in the range, the heaviest first: those that `[flow_records]` of the
         *     configuration has kept. Filters know links, categories, protocols, services and probes here.
         */
        get: operations["flow_records"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/forecast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What comes on a link: its days' utilisation and months' 95th percentile with intervals, and when a part
         *     of its capacity is reached.
         * @description Made of the last 400 days' 5-minute bins: the pattern of the week is taken out, and a straight line is laid
         *     through the logarithms. Without a trend that can be told from chance, it says so.
         */
        get: operations["coming"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How capture, flow tables, the store and each link are doing.
         * @description Always answers 200 with what is known; `status` says whether all is well.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/heatmap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Mean and highest rates of the hours of a week, by the clock of a time zone.
         * @description Over at most 400 days, from hours; zones whose clocks are not whole hours ahead of UTC from quarters of an hour.
         */
        get: operations["heatmap"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The configured links, in the order of the configuration. */
        get: operations["links"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Rates of links and categories, one event a second; and transitions of events.
         * @description Server-sent events: `event: live`, and in `data:` a JSON object; `event: event` at each transition of an
         *     event (a drop or surge), with `id`, `state`, `kind` and `severity`. The stream goes on until the
         *     client closes it, its session ends (logout included), or the program ends. At most 256 streams are open at
         *     the same time, 64 of one session, user of a proxy, or address.
         */
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/networks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The names of networks, as the configured files have them. */
        get: operations["networks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/networks/{asn}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One remote network over a range: where it comes in, its share, what it is made of. */
        get: operations["network"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The whole network on one screen: now against last week, and each link with its month so far.
         * @description Made once for all who ask within 20 seconds. Rates by the second are in the live stream, the 200 largest links
         *     of each direction are told apart.
         */
        get: operations["overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A link's month from exact 5-minute bins: 95th percentile, peak, mean, growth, bill.
         * @description The percentile is the nearest rank: the top 5 % of the watched bins are discarded, and the highest that is
         *     left is it. Bins that were not watched are left out and counted as missing.
         */
        get: operations["month"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/round-trips": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Round-trip times of TCP handshakes over time, in microseconds. */
        get: operations["round_trips"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sankey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What flows from values of one dimension to those of the next: a Sankey diagram's numbers. */
        get: operations["sankey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The services that the rules know, with their categories. */
        get: operations["services"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One service over a range: where it comes in, its share, what it is made of. */
        get: operations["service"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who asks, and whether a login is needed.
         * @description Answers everybody: the pages ask it first. A session that is asked for here is used, and lasts longer.
         */
        get: operations["session"];
        put?: never;
        /**
         * Logs in: a token for a session's cookie.
         * @description The cookie cannot be read by scripts nor sent by other sites. The session ends after 12 hours in which nobody
         *     uses it, after 30 days at the latest, and when the program ends.
         */
        post: operations["login"];
        /** Logs out: the session ends, here and in the browser. */
        delete: operations["logout"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Probes, what was received and lost, tables, streams: everything about the system itself.
         * @description Answers 200 also while the database does not answer or too much is asked of it, with what is known without it.
         */
        get: operations["system"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/totals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Octets, packets and flows of a range, by any dimensions. */
        get: operations["totals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/views": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The saved views, the newest first. */
        get: operations["views"];
        put?: never;
        /** Saves a view. Needs the role operator. */
        post: operations["save"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/views/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Deletes a view. Needs the role operator. */
        delete: operations["delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/volumes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Octets, packets and flows over time, by any dimensions.
         * @description Rates: octets × 8 / `step_seconds` is bit/s. With `compare`, the same groups earlier; with `statistics`, each
         *     series' figures; with `explain=sql`, the statements instead of the answer.
         */
        get: operations["volumes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Counters and gauges for Prometheus, as OpenMetrics text.
         * @description Counters count from the start of the program. Octets are whole frames on the wire, without FCS.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Somebody knows of it. */
        Acknowledged: {
            /**
             * Format: date-time
             * @description Since when.
             */
            at: string;
            /** @description Who. */
            by: string;
        };
        /** @description What was told to whom. */
        Alert: {
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description What went wrong; empty where nothing did. */
            error: string;
            /** @description What receivers know it by. */
            fingerprint: string;
            /**
             * @description How that went.
             * @example delivered
             */
            outcome: string;
            /** @description Where it went. */
            receiver: string;
            /**
             * @description The route that it took.
             * @example operations
             */
            route: string;
            /**
             * @description `firing`, `update` or `resolved`.
             * @example firing
             */
            transition: string;
        };
        /** @description What a loss is made of. */
        Attribution: {
            /** @description By category. */
            categories: components["schemas"]["Part"][];
            /**
             * Format: double
             * @description Octets expected in the event's direction over all links.
             */
            expected_octets: number;
            /** @description By link. */
            links: components["schemas"]["Part"][];
            /**
             * Format: double
             * @description Octets lost where any were.
             */
            lost_octets: number;
            /**
             * Format: double
             * @description Octets measured.
             */
            measured_octets: number;
            /** @description By remote network (`AS64500`), where networks are known. */
            networks: components["schemas"]["Part"][];
            /** @description By service. */
            services: components["schemas"]["Part"][];
        };
        /** @description How the last backup stands. */
        Backup: {
            /**
             * @description Its name: the folder within `[store] backups`.
             * @example 2026-12-01
             */
            name: string | null;
            /**
             * Format: int64
             * @description Octets that were copied, of one that is done.
             */
            octets: Count | null;
            /** @description Why it failed. */
            reason: string | null;
            /**
             * @description `none` since the start, `running`, `done` or `failed`.
             * @example done
             */
            state: string;
        };
        /** @description The earlier range of a comparison. */
        Before: {
            /**
             * Format: date-time
             * @description Its start, RFC 3339, UTC.
             */
            from: string;
            /**
             * Format: int64
             * @description Octets towards our network then.
             */
            in_octets: Count;
            /**
             * Format: int64
             * @description Octets out of our network then.
             */
            out_octets: Count;
            /**
             * Format: date-time
             * @description Its end, exclusive.
             */
            to: string;
        };
        /** @description What a month costs, or would if it ended now. */
        Bill: {
            /**
             * Format: double
             * @description Both, to the hundredth.
             */
            amount: number;
            /**
             * Format: double
             * @description The rate that is billed, in bit/s.
             */
            billed_bps: number;
            /**
             * @description Which rate is billed: `max` (the higher of the directions' 95th percentiles), `sum` (the 95th
             *     percentile of both directions' sums), `in` or `out`.
             */
            billed_by: components["schemas"]["BilledBy"];
            /**
             * Format: double
             * @description For the part above it.
             */
            burst_amount: number;
            /**
             * Format: double
             * @description The part above it, in bit/s.
             */
            burst_bps: number;
            /**
             * Format: double
             * @description For the commit.
             */
            commit_amount: number;
            /** @description What is paid for in any case, in bit/s. */
            commit_bps: number;
            /**
             * @description Three letters.
             * @example EUR
             */
            currency: string;
        };
        /**
         * @description Which rate of the month is billed.
         * @enum {string}
         */
        BilledBy: "max" | "sum" | "in" | "out";
        /** @description A span in which a link was not seen. */
        BlindSpan: {
            /**
             * Format: date-time
             * @description The first minute.
             */
            from: string;
            /** @description The link. */
            link: string;
            /**
             * Format: date-time
             * @description The first minute in which it was seen again; `null` while it is not.
             */
            until: string | null;
        };
        /** @description All links by when they are full. */
        Capacity: {
            /** @description Whether all links are here; if not, ask again: the others are worked on. */
            complete: boolean;
            /** @description Those that are full first come first; then by their percentile as a part of the capacity. */
            links: components["schemas"]["LinkCapacity"][];
            /**
             * @description The months side by side, the running one last.
             * @example [
             *       "2026-10",
             *       "2026-11"
             *     ]
             */
            months: string[];
            /** @description The links that are not here yet. */
            pending: string[];
            /**
             * Format: double
             * @description Which part of the capacity counts as full.
             * @example 0.8
             */
            threshold: number;
        };
        /** @description What was captured. */
        Capture: {
            /** @description Packets lost. */
            dropped: components["schemas"]["Dropped"];
            /**
             * Format: int64
             * @description Packets whose time cannot be true: counted at the time of the packet before.
             */
            implausible_time: Count;
            /**
             * Format: int64
             * @description Packets counted in a later interval than their own.
             */
            late: Count;
            /**
             * Format: int64
             * @description Octets received: whole frames without FCS.
             */
            octets: Count;
            /**
             * Format: int64
             * @description Packets received, all links together.
             */
            packets: Count;
            /** @description Packets per second over the last second. */
            packets_per_second: number;
            /**
             * Format: int64
             * @description Packets that are counted under no class: others stand for them.
             */
            sampled_packets: Count;
            /**
             * Format: int64
             * @description Capture threads that cannot keep up and sample new flows.
             */
            sampling_workers: Count;
            /**
             * Format: int64
             * @description Frames whose headers could not be decoded: counted as such.
             */
            undecodable: Count;
            /**
             * Format: int64
             * @description Packets whose direction nothing told: counted as `in`.
             */
            undetermined: Count;
            /**
             * Format: int64
             * @description Flows that were not inspected, or not to their verdict, for lack of time or memory: counted by port and
             *     by what is known of their ends.
             */
            uninspected_flows: Count;
            /**
             * Format: int64
             * @description Packets of no configured link.
             */
            unmapped: Count;
            /**
             * Format: int64
             * @description The old name of `uninspected_flows`; it goes with version 0.2.
             */
            unprobed_flows: Count;
            /**
             * Format: int64
             * @description Capture threads that cannot keep up and do not inspect new flows.
             */
            unprobed_workers: Count;
            /**
             * Format: int64
             * @description Flows without a verdict that made room for others under inspection. Those that were unanswered are
             *     inspected again once they are answered.
             */
            unsettled_evicted: Count;
        };
        /** @description One category's rates. */
        CategoryRates: {
            /** @description Towards our network, in bit/s. */
            in_bps: number;
            /**
             * @description The category's name.
             * @example direct-download
             */
            name: string;
            /** @description Out of our network, in bit/s. */
            out_bps: number;
        };
        /** @description What could stand where the cursor is. */
        Completions: {
            /** @description Where what is being typed begins, in UTF-16 code units. */
            from: number;
            /** @description At most 50, those that begin with what is typed first. */
            items: components["schemas"]["Item"][];
            /** @description Whether there are more. */
            more: boolean;
            /** @description Where it ends: an item takes the place of what is between. */
            to: number;
        };
        /** @description How many bins of 5 minutes there are. */
        Coverage: {
            /**
             * @description In the month, or in what has passed of it.
             * @example 8640
             */
            expected_bins: number;
            /**
             * @description Of these not watched: left out, never counted as 0.
             * @example 9
             */
            missing_bins: number;
            /**
             * @description Of these watched. Percentile, mean and peak are over these alone.
             * @example 8631
             */
            watched_bins: number;
        };
        /** @description When a threshold is crossed. */
        Crossing: {
            /** @enum {string} */
            state: "no-threshold";
        } | {
            /** @enum {string} */
            state: "unknown";
        } | {
            /** @enum {string} */
            state: "crossed";
            /**
             * Format: double
             * @description bit/s.
             */
            threshold_bps: number;
        } | {
            /** @enum {string} */
            state: "no-trend";
            /**
             * Format: double
             * @description bit/s.
             */
            threshold_bps: number;
        } | {
            /**
             * Format: int32
             * @description How far ahead was looked.
             */
            days: number;
            /** @enum {string} */
            state: "not-within";
            /**
             * Format: double
             * @description bit/s.
             */
            threshold_bps: number;
        } | {
            /**
             * Format: date
             * @description The first day whose expected figure is above.
             */
            day: string;
            /**
             * Format: date
             * @description The first day on which it is not unlikely any more.
             */
            earliest: string;
            /**
             * Format: date
             * @description The first day on which it would be unlikely not to have happened; none as far as can be seen.
             */
            latest: string | null;
            /** @enum {string} */
            state: "expected";
            /**
             * Format: double
             * @description bit/s.
             */
            threshold_bps: number;
        };
        /** @description Something that is wrong. */
        Damaged: {
            /** @description What to do. */
            advice: string;
            /** @description What is wrong with it. */
            detail: string;
            /**
             * @description `part-set-aside`, `part-damaged`, `table-missing`, `rows-missing` or `file-put-back`.
             * @example part-set-aside
             */
            kind: string;
            /**
             * @description The table, part or file.
             * @example volumes_10s, part 20261122_2_2_1
             */
            place: string;
        };
        /** @description What is damaged. */
        DamageHealth: {
            /** @description Whether tables were compared with the ledger of what was written, since the start. */
            compared: boolean;
            /**
             * Format: int64
             * @description Questions that failed because something could not be read.
             */
            failed_reads: Count;
            /**
             * Format: int64
             * @description Days of tables of which rows are missing.
             */
            missing_days: Count;
            /**
             * Format: int64
             * @description Octets counted in these, over all tables.
             */
            missing_octets: Count;
            /**
             * Format: int64
             * @description Parts that the engine set aside or could not read.
             */
            parts: Count;
            /**
             * Format: int64
             * @description Tables that were missing.
             */
            tables: Count;
        };
        /** @description What is wrong with what is stored. */
        Damages: {
            /** @description Why the last look could not be finished; `null` if it was. */
            error: string | null;
            /** @description What was found, by the last look and since the start. */
            findings: components["schemas"]["Damaged"][];
            /** @description What the last look has given up, in words. */
            given_up: string[];
            /** @description Whether it is being looked for at this moment, because somebody asked. */
            looking: boolean;
        };
        /** @description A day to come. */
        DayForecast: {
            /**
             * Format: date
             * @description Which.
             */
            day: string;
            /**
             * Format: double
             * @description bit/s.
             */
            expected_bps: number;
            /**
             * Format: double
             * @description bit/s.
             */
            high_bps: number;
            /**
             * Format: double
             * @description bit/s.
             */
            low_bps: number;
        };
        /** @description One direction's month. */
        DirectionReport: {
            change: components["schemas"]["MonthChange"] | null;
            /**
             * Format: double
             * @description The watched bins' mean, in bit/s.
             */
            mean_bps: number;
            /**
             * Format: int64
             * @description All watched octets.
             */
            octets: Count;
            /**
             * Format: double
             * @description The 95th percentile of the bins, nearest rank, in bit/s.
             */
            p95_bps: number;
            /**
             * Format: double
             * @description The percentile as a part of the capacity, where one is configured.
             */
            p95_utilisation: number | null;
            /**
             * Format: date-time
             * @description When the (first) highest bin began.
             */
            peak_at: string;
            /**
             * Format: double
             * @description The highest bin, in bit/s.
             */
            peak_bps: number;
        };
        /** @description Packets that were lost, or not treated as they should be, since the start. */
        Dropped: {
            /**
             * Format: int64
             * @description Dropped by the network interface or its driver.
             */
            interface: Count;
            /**
             * Format: int64
             * @description Dropped by the kernel: the capture ring was full.
             */
            kernel: Count;
            /**
             * Format: int64
             * @description Dropped for a full queue between capture and the store.
             */
            queue: Count;
            /**
             * Format: int64
             * @description Counted, but without a flow of their own: the flow table was full.
             */
            table_full: Count;
        };
        /** @description What was received and lost over time; `null` in buckets that were not watched. */
        Drops: {
            /** @description Start of each bucket, RFC 3339, UTC. */
            buckets: string[];
            /** @description Packets that the kernel dropped. */
            dropped_kernel: (Count | null)[];
            /** @description Packets counted in a later interval than their own. */
            late: (Count | null)[];
            /** @description Packets received. */
            packets: (Count | null)[];
            /** @description Packets that others stood for. */
            sampled_packets: (Count | null)[];
            /**
             * Format: int32
             * @description Length of a bucket in seconds.
             */
            step_seconds: number;
            /** @description Packets whose flow the full table did not take. */
            table_full: (Count | null)[];
            /** @description Flows that were not inspected. */
            uninspected_flows: (Count | null)[];
            /** @description The old name of `uninspected_flows`; it goes with version 0.2. */
            unprobed_flows: (Count | null)[];
        };
        /** @description What the capture's engine says of itself. Counters count from the start of the program. */
        Engine: {
            /**
             * Format: int64
             * @description Packets received.
             */
            packets: Count;
            /** @description What is left out for want of time. */
            pressure: components["schemas"]["Workers"];
            /** @description The bounds of the bins of `probe_lengths`: at most so many packets; `null` is any more. */
            probe_length_bins: (number | null)[];
            /** @description How many packets it took to know flows, by protocol; those that were seen. */
            probe_lengths: components["schemas"]["ProtocolLengths"][];
            /** @description What a packet costs, stage by stage. */
            stages: components["schemas"]["StageInfo"][];
            /** @description The flow tables, all workers together. */
            tables: components["schemas"]["Tables"];
        };
        /** @description Everything about an event. */
        EventDetail: components["schemas"]["EventSummary"] & {
            /** @description What was told to whom. */
            alerts: components["schemas"]["Alert"][];
            /** @description What the loss (of a surge: the gain) is made of: each list's shares add up to 1. */
            attribution: components["schemas"]["Attribution"];
            /**
             * @description What the expectation of its main series was founded on: `time-of-week` (the same local time of past
             *     weeks), `time-of-day` (of past days, for want of weeks) or `recent-level` (the last hour).
             * @example time-of-week
             */
            basis: string;
            /** @description When which link was not seen: nothing follows from what was not seen. */
            blind: components["schemas"]["BlindSpan"][];
            /**
             * Format: int32
             * @description From how many seconds since the onset attribution and ledger are made.
             */
            explained_seconds: number;
            /** @description What did the opposite meanwhile, the largest first. Coincident: nothing says that it was caused. */
            ledger: components["schemas"]["LedgerEntry"][];
            /**
             * @description The main series, as `of` takes it.
             * @example link:transit-1
             */
            main: string;
            /** @description The series that take part, those with the most octets first. */
            members: components["schemas"]["EventMember"][];
            /** @description What people said of it, the oldest first. */
            notes: components["schemas"]["Note"][];
            /** @description After how long half of the depth was made up for. */
            recover_50_seconds: number | null;
            /** @description After how long nine tenths were. */
            recover_90_seconds: number | null;
            /** @description What no category's rise stands against. */
            unexplained: components["schemas"]["Unexplained"];
        };
        /** @description An event and what it follows from, in the detector's own words. */
        EventEvidence: {
            /**
             * @description The database's version.
             * @example 26.7.3.1
             */
            clickhouse: string;
            /**
             * @description This program's version.
             * @example 0.1.0
             */
            etiage: string;
            /** @description Parameters, series with their past, and the sums that it is explained from. */
            evidence: Record<string, never>;
            /** @description The statements that the numbers come from. */
            queries: string[];
            /** @description The event as it was kept. */
            record: Record<string, never>;
        };
        /** @description A series that takes part in an event. */
        EventMember: {
            /** @description Whether it is over because it has become the new normal. */
            accepted: boolean;
            /**
             * Format: date-time
             * @description When it was certain.
             */
            confirmed: string;
            /**
             * Format: double
             * @description How deep, in percent of what was expected.
             */
            depth_percent: number;
            /**
             * @description `in` or `out`.
             * @example in
             */
            direction: string;
            /**
             * Format: date-time
             * @description When it was over.
             */
            ended: string | null;
            /**
             * Format: double
             * @description Octets lost (or gained).
             */
            lost_octets: number;
            /**
             * @description Which, as `of` takes it.
             * @example category:direct-download@transit-1
             */
            of: string;
            /**
             * Format: date-time
             * @description When it began.
             */
            onset: string;
            /**
             * @description `drop` or `surge`.
             * @example drop
             */
            sign: string;
            /**
             * Format: date-time
             * @description When it was deepest.
             */
            trough: string;
        };
        /** @description Events, the latest onset first. */
        Events: {
            /** @description As many as were asked for. */
            events: components["schemas"]["EventSummary"][];
        };
        /** @description A drop or surge of volumes, in short. */
        EventSummary: {
            acknowledged: components["schemas"]["Acknowledged"] | null;
            /** @description The categories that it touches. */
            categories: string[];
            /**
             * Format: date-time
             * @description When it was certain.
             * @example 2026-11-21T19:15:00Z
             */
            confirmed: string;
            /**
             * Format: double
             * @description How far, in percent of what was expected.
             * @example 34.5
             */
            depth_percent: number;
            /**
             * @description Which way most of it was lost: `in` or `out`.
             * @example in
             */
            direction: string;
            /**
             * Format: date-time
             * @description When it was over; `null` while it lasts.
             */
            ended: string | null;
            /**
             * @description Its name: the minute in which it was certain, and which probe says so.
             * @example 20261121-1915-3fa2
             */
            id: string;
            /**
             * @description `shutdown` (a service or a few, everywhere), `link-outage` (all that a link carries), `shift` (other
             *     links gained it), `surge`, `mix-change` (the total stayed) or `unknown`.
             * @example shutdown
             */
            kind: string;
            /** @description The links that it touches, the largest loss first. */
            links: string[];
            /**
             * Format: double
             * @description Octets lost (of a surge: gained) since the onset, by its main series.
             * @example 1500000000000
             */
            lost_octets: number;
            /**
             * Format: date-time
             * @description When it began, found backwards; RFC 3339, UTC.
             * @example 2026-11-21T19:02:00Z
             */
            onset: string;
            /**
             * @description The probe that found it.
             * @example probe-1
             */
            probe: string;
            /**
             * @description `info`, `warning` or `critical`.
             * @example critical
             */
            severity: string;
            /**
             * @description `drop` or `surge`.
             * @example drop
             */
            sign: string;
            /**
             * Format: date-time
             * @description Until when it is silenced.
             */
            silenced_until: string | null;
            /**
             * @description `open` or `ended`.
             * @example open
             */
            state: string;
            /**
             * @description What it is, in a line.
             * @example megaupload and 2 more fell: direct-download −45 % on 4 links
             */
            subject: string;
            top: components["schemas"]["Top"] | null;
            /**
             * Format: date-time
             * @description When its main series was furthest from what was expected.
             * @example 2026-11-21T21:05:00Z
             */
            trough: string;
        };
        /**
         * @description A series and what it should hold, in bit/s. `null` is "not observed" in `values`, and "nothing is known of
         *     the past" in the others.
         */
        Expected: {
            /**
             * @description What the same local time of past weeks lets expect, at today's level. In an event it stays at the
             *     level of its onset.
             */
            baseline: (number | null)[];
            /**
             * @description `in`, `out`, or `both`.
             * @example in
             */
            direction: string;
            /** @description Three usual deviations above. */
            high: (number | null)[];
            /** @description Three usual deviations below. */
            low: (number | null)[];
            /**
             * @description Which series: `link:NAME`, `category:NAME`, `category:NAME@LINK`, `service:NAME`, `network:NUMBER`, or
             *     `all`.
             * @example link:transit-1
             */
            of: string;
            /**
             * @description Length of a point in seconds.
             * @example 300
             */
            step: number;
            /**
             * @description Start of each point, RFC 3339, UTC.
             * @example [
             *       "2026-11-21T10:00:00Z"
             *     ]
             */
            times: string[];
            /** @description What was measured. */
            values: (number | null)[];
        };
        /** @description Octets between two values. */
        Flow: {
            /**
             * Format: int64
             * @description Octets with both.
             */
            octets: Count;
            /** @description Index of the left value in `nodes`. */
            source: number;
            /** @description Index of the right value in `nodes`. */
            target: number;
        };
        /** @description Records of flows. */
        FlowRecords: {
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            from: string;
            /** @description The heaviest first. */
            records: components["schemas"]["RecordedFlow"][];
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             * @example 2026-11-21T11:00:00Z
             */
            to: string;
        };
        /** @description The flow tables. */
        Flows: {
            /** @description Flows in the tables now. */
            active: number;
            /** @description Flows that the tables can hold. */
            capacity: number;
            /**
             * Format: int64
             * @description Flows begun.
             */
            started: Count;
        };
        /** @description One direction's forecast. */
        Forecast: {
            /** @description When the threshold is crossed. */
            crossing: components["schemas"]["Crossing"];
            /** @description The days to come. */
            days: components["schemas"]["DayForecast"][];
            /** @description How many days it is made from. */
            history_days: number;
            /**
             * Format: double
             * @description What part of cases the intervals hold.
             * @example 0.9
             */
            level: number;
            /** @description What a day's figure is. */
            measure: components["schemas"]["Measure"];
            /** @description The 95th percentiles of the running and the next two months. */
            months: components["schemas"]["MonthForecast"][];
            /** @description Whether there is one, and if not, why. */
            outcome: components["schemas"]["Outcome"];
            trend: components["schemas"]["Trend"] | null;
        };
        /** @description How the probe is doing. Counters count from the start of the program. */
        Health: {
            /** @description Each receiver of alerts. */
            alerts: components["schemas"]["ReceiverHealth"][];
            /** @description What was captured. */
            capture: components["schemas"]["Capture"];
            /** @description The flow tables. */
            flows: components["schemas"]["Flows"];
            /** @description What was learnt of names and peers. */
            knowledge: components["schemas"]["Learnt"];
            /** @description Each configured link. */
            links: components["schemas"]["LinkHealth"][];
            /**
             * @description The probe's name.
             * @example probe-1
             */
            probe: string;
            /** @description What needs a look, in words; empty when the status is `ok`. */
            reasons: string[];
            /**
             * Format: date-time
             * @description When the program was started, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            started: string;
            /** @description Whether everything works, or something needs a look. */
            status: components["schemas"]["Status"];
            /** @description The store and the way to it. */
            store: components["schemas"]["StoreHealth"];
            /**
             * @description The program's version.
             * @example 0.1.0
             */
            version: string;
        };
        /** @description Histograms over time, in bins of half an octave. */
        Histogram: {
            /** @description Samples of each bin, bucket by bucket. */
            counts: number[][];
            /**
             * @description Where each bin ends, in microseconds; it begins where the one before ends.
             * @example [
             *       11585,
             *       16384,
             *       23170
             *     ]
             */
            edges_us: number[];
        };
        /** @description A completion. */
        Item: {
            /** @description More about it: a service's category, a network's name. */
            detail: string | null;
            /**
             * @description `field`, `keyword`, `operator` or `value`.
             * @example value
             */
            kind: string;
            /**
             * @description What to put there, in quotation marks where it needs them.
             * @example direct-download
             */
            text: string;
        };
        /** @description What was learnt of names and peers. */
        Learnt: {
            /**
             * Format: int64
             * @description Names, peers and the like that made room for others before they were old.
             */
            evicted: Count;
            /** @description Host names of servers, from DNS answers. */
            names: number;
            /** @description Peers of peer-to-peer networks. */
            peers: number;
        };
        /** @description What did the opposite meanwhile. */
        LedgerEntry: {
            /**
             * Format: double
             * @description The same as a mean rate.
             */
            bits_per_second: number;
            /**
             * @description `category`, `service` or `link`.
             * @example service
             */
            kind: string;
            /**
             * @description Which.
             * @example uploaded
             */
            name: string;
            /**
             * Format: double
             * @description Octets more (of a surge: less) than expected.
             */
            octets: number;
            /**
             * Format: double
             * @description How many times the usual deviation it is; `null` where there is none to compare with.
             */
            score: number | null;
            /**
             * Format: double
             * @description Of all that was lost, from 0 to 1.
             */
            share: number;
            /**
             * Format: double
             * @description How much such sums differ from what is expected in ordinary weeks, in octets.
             */
            usual_deviation: number;
        };
        /** @description A link's month, and when it is full. */
        LinkCapacity: {
            bill: components["schemas"]["Bill"] | null;
            /** @description Capacity in bit/s each way. */
            capacity_bps: number | null;
            /** @description What the contract commits to, in bit/s. */
            commit_bps: number | null;
            /** @description When the threshold is crossed towards our network. */
            crossing_in: components["schemas"]["Crossing"];
            /** @description When it is crossed out of our network. */
            crossing_out: components["schemas"]["Crossing"];
            /** @description What it is. */
            kind: string;
            /** @description Month by month, the running one last. */
            months: components["schemas"]["MonthFigures"][];
            /** @description The link's name. */
            name: string;
            /**
             * Format: double
             * @description The running month's 95th percentile so far, the higher of both directions, in bit/s.
             */
            p95_bps: number | null;
            /**
             * Format: double
             * @description Towards our network.
             */
            p95_in_bps: number | null;
            /**
             * Format: double
             * @description The percentile as a part of the capacity.
             */
            p95_of_capacity: number | null;
            /**
             * Format: double
             * @description The percentile that is billed as a part of the commitment.
             */
            p95_of_commit: number | null;
            /**
             * Format: double
             * @description Out of our network.
             */
            p95_out_bps: number | null;
            /**
             * Format: date
             * @description The earlier of both expected days; today where it was crossed already.
             */
            runout: string | null;
            trend_in: components["schemas"]["Trend"] | null;
            trend_out: components["schemas"]["Trend"] | null;
        };
        /** @description What comes on a link. */
        LinkForecast: {
            /** @description Its capacity each way in bit/s, where it is configured. */
            capacity_bps: number | null;
            /** @description Towards our network. */
            in: components["schemas"]["Forecast"];
            /**
             * @description The link's name.
             * @example transit-1
             */
            link: string;
            /** @description Out of our network. */
            out: components["schemas"]["Forecast"];
        };
        /** @description One link's health. */
        LinkHealth: {
            /**
             * Format: int64
             * @description Octets towards our network.
             */
            in_octets: Count;
            /**
             * Format: int64
             * @description Packets towards our network.
             */
            in_packets: Count;
            /**
             * Format: date-time
             * @description Time of its last packet, RFC 3339, UTC; `null` before the first.
             * @example 2026-11-21T10:00:00Z
             */
            last_packet: string | null;
            /**
             * @description The link's name.
             * @example transit-1
             */
            name: string;
            /**
             * Format: int64
             * @description Octets out of our network.
             */
            out_octets: Count;
            /**
             * Format: int64
             * @description Packets out of our network.
             */
            out_packets: Count;
        };
        /** @description One configured link. */
        LinkInfo: {
            /**
             * @description Capacity in bit/s, each way.
             * @example 10000000000
             */
            capacity_bps: number | null;
            /** @description Free text. */
            description: string;
            /**
             * @description What the link is: `transit`, `pni`, `ix`, `cache`, `customer` or `backbone`.
             * @example transit
             */
            kind: string;
            /**
             * @description The link's name.
             * @example transit-1
             */
            name: string;
            /**
             * Format: int32
             * @description The neighbour's autonomous system number.
             * @example 64500
             */
            neighbour_asn: number | null;
            /**
             * Format: double
             * @description The most that was agreed to go out, as a multiple of what comes in.
             * @example 2
             */
            ratio_policy: number | null;
        };
        /** @description What it is of a link's traffic. */
        LinkPart: {
            /**
             * Format: double
             * @description The part of the link's octets towards our network.
             */
            in_share: number | null;
            /** @description The link's name. */
            link: string;
            /**
             * Format: double
             * @description The part of the link's octets out of our network.
             */
            out_share: number | null;
        };
        /** @description One link's rates. */
        LinkRates: {
            /** @description Towards our network, in bit/s. */
            in_bps: number;
            /** @description Towards our network, in packets per second. */
            in_pps: number;
            /**
             * @description The link's name.
             * @example transit-1
             */
            name: string;
            /** @description Out of our network, in bit/s. */
            out_bps: number;
            /** @description Out of our network, in packets per second. */
            out_pps: number;
        };
        /** @description One link. */
        LinkRow: {
            /** @description Capacity in bit/s each way. */
            capacity_bps: number | null;
            /** @description What the contract commits to, in bit/s. */
            commit_bps: number | null;
            /**
             * Format: double
             * @description Capacity less the percentile, in bit/s; negative beyond it.
             */
            headroom_bps: number | null;
            /**
             * Format: double
             * @description Towards our network in the last bin, in bit/s; `null` where it was not watched.
             */
            in_bps: number | null;
            /** @description What it is: `transit`, `pni`, `ix`, `cache`, `customer` or `backbone`. */
            kind: string;
            /**
             * Format: double
             * @description Towards our network at the same time last week.
             */
            last_week_in_bps: number | null;
            /**
             * Format: double
             * @description Out of our network at the same time last week.
             */
            last_week_out_bps: number | null;
            /** @description The link's name. */
            name: string;
            /**
             * Format: double
             * @description Out of our network.
             */
            out_bps: number | null;
            /**
             * Format: double
             * @description The higher of both.
             */
            p95_bps: number | null;
            /**
             * Format: double
             * @description The month's 95th percentile so far towards our network, of exact 5-minute bins, in bit/s.
             */
            p95_in_bps: number | null;
            /**
             * Format: double
             * @description The same out of our network.
             */
            p95_out_bps: number | null;
            /**
             * Format: double
             * @description out ÷ in; `null` where nothing comes in.
             */
            ratio: number | null;
            /** @description The last day. */
            sparkline: components["schemas"]["Sparkline"];
            /**
             * Format: double
             * @description The busier direction as a part of the capacity.
             */
            utilisation: number | null;
        };
        /** @description The configured links. */
        Links: {
            /** @description In the order of the configuration. */
            links: components["schemas"]["LinkInfo"][];
        };
        /** @description A link by which it comes and goes. */
        LinkShare: {
            /**
             * Format: int64
             * @description Octets towards our network.
             */
            in_octets: Count;
            /**
             * Format: double
             * @description The part of its own octets towards our network that comes by this link.
             */
            in_share: number | null;
            /** @description The link's name. */
            link: string;
            /**
             * Format: int64
             * @description Octets out of our network.
             */
            out_octets: Count;
            /**
             * Format: double
             * @description The part of its own octets out of our network that goes by this link.
             */
            out_share: number | null;
        };
        /** @description Rates over the last second. Bits and packets are of whole frames without FCS. */
        LiveEvent: {
            /**
             * Format: int64
             * @description Flows in the flow tables now.
             */
            active_flows: Count;
            /** @description Each category. */
            categories: components["schemas"]["CategoryRates"][];
            /** @description Packets lost since the start, by reason. */
            dropped: components["schemas"]["Dropped"];
            /** @description Each configured link. */
            links: components["schemas"]["LinkRates"][];
            /** @description Packets per second, all links together, those of no configured link included. */
            packets_per_second: number;
            /**
             * Format: date-time
             * @description End of the second, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            time: string;
        };
        /** @description A token, for a session. */
        Login: {
            /** @description The configured token. */
            token: string;
        };
        /**
         * @description A day's figure that is forecast.
         * @enum {string}
         */
        Measure: "p95" | "peak";
        /** @description Growth: this month ÷ the month before − 1. */
        MonthChange: {
            /**
             * Format: double
             * @description Of the mean.
             * @example 0.031
             */
            mean: number;
            /**
             * Format: double
             * @description Of the 95th percentile.
             * @example 0.027
             */
            p95: number;
            /**
             * Format: double
             * @description What part of the month before was watched: the less, the less the comparison says.
             * @example 1
             */
            watched: number;
        };
        /** @description A month's figures. */
        MonthFigures: {
            /**
             * @description Which.
             * @example 2026-11
             */
            month: string;
            /**
             * Format: double
             * @description Its 95th percentile, the higher of both directions, in bit/s; `null` where it was not watched.
             */
            p95_bps: number | null;
            /**
             * Format: double
             * @description Its highest bin of both directions, in bit/s.
             */
            peak_bps: number | null;
            /**
             * Format: double
             * @description What part of it was watched.
             */
            watched: number;
        };
        /** @description A month to come. */
        MonthForecast: {
            /**
             * Format: double
             * @description bit/s.
             */
            high_bps: number;
            /**
             * Format: double
             * @description bit/s.
             */
            low_bps: number;
            /**
             * @description As `2026-12`.
             * @example 2026-12
             */
            month: string;
            /**
             * Format: double
             * @description bit/s.
             */
            p95_bps: number;
        };
        /** @description A network. */
        NetworkInfo: {
            /**
             * Format: int32
             * @description The autonomous system's number.
             * @example 64500
             */
            asn: number;
            /**
             * @description Its name, where the configured files know it.
             * @example Example Net
             */
            name: string | null;
        };
        /** @description Names of networks. */
        Networks: {
            /** @description In the order asked for. */
            networks: components["schemas"]["NetworkInfo"][];
        };
        /** @description What to say of an event. */
        NewNote: {
            /**
             * @description `acknowledge` (I know of it), `unacknowledge`, `comment`, `silence` (no alerts until a moment) or
             *     `unsilence`.
             * @default
             * @example comment
             */
            action: string;
            /**
             * @description In your words; at most 4000 octets. A comment needs some.
             * @default
             * @example the hoster's servers were seized
             */
            text: string;
            /**
             * Format: date-time
             * @description Until when to be silent: RFC 3339, at most 366 days ahead. For `silence` alone, and needed there.
             * @default null
             */
            until: string | null;
        };
        /** @description A view to save. */
        NewView: {
            /**
             * @description Its name: 1 to 100 characters.
             * @example p2p by network, last evening
             */
            name: string;
            /**
             * @description Path and query below the pages' address: begins with `/` or `?`, at most 4000 octets.
             * @example /explore?group=asn
             */
            url: string;
        };
        /** @description A value of a dimension. */
        Node: {
            /**
             * @description The dimension.
             * @example asn
             */
            dimension: string;
            /**
             * @description What to call it: a network's name where it is known, else the value.
             * @example Example Net
             */
            name: string;
            /**
             * Format: int64
             * @description Octets with this value.
             */
            octets: Count;
            /**
             * @description The value; `other` for those beyond `top`.
             * @example 64500
             */
            value: string;
        };
        /** @description What somebody said of an event. */
        Note: {
            /**
             * @description `acknowledge`, `unacknowledge`, `comment`, `silence` or `unsilence`.
             * @example comment
             */
            action: string;
            /**
             * Format: date-time
             * @description When.
             */
            at: string;
            /** @description Who. */
            by: string;
            /** @description In their words. */
            text: string;
            /**
             * Format: date-time
             * @description Until when it is silenced.
             */
            until: string | null;
        };
        /**
         * @description What came of a forecast.
         * @enum {string}
         */
        Outcome: "trend" | "no-trend" | "too-little-history" | "no-traffic";
        /** @description The whole network on one screen. */
        Overview: {
            /**
             * Format: date-time
             * @description When this was made, RFC 3339, UTC.
             */
            at: string;
            /**
             * Format: int32
             * @description How long the bins of `now` and `last_week` are.
             * @example 300
             */
            bin_seconds: number;
            /** @description now ÷ last week − 1; `null` where either was not watched or last week carried nothing. */
            change: components["schemas"]["WeekChange"];
            /** @description All links at the same time last week. */
            last_week: components["schemas"]["Rates"];
            /** @description The configured links, in the order of the configuration. */
            links: components["schemas"]["LinkRow"][];
            /**
             * @description The running month, as each link's contract has it.
             * @example 2026-11
             */
            month: string;
            /** @description All links in the last bin that has ended. */
            now: components["schemas"]["Rates"];
        };
        /** @description What is wrong with one parameter of a request. */
        ParameterError: {
            /**
             * @description What could stand there.
             * @example [
             *       "link",
             *       "category"
             *     ]
             */
            expected?: string[];
            /**
             * @description How long it is, in UTF-16 code units.
             * @example 3
             */
            length?: number;
            /**
             * @description Where it begins, in UTF-16 code units: what JavaScript counts strings in.
             * @example 7
             */
            offset?: number;
        } & {
            /**
             * @description What is wrong with it, and what would be right.
             * @example `7s` is not a multiple of 10 seconds
             */
            detail: string;
            /**
             * @description The parameter's name.
             * @example step
             */
            parameter: string;
        };
        /** @description A part of a loss. */
        Part: {
            /**
             * Format: double
             * @description Of what was expected here, in percent.
             * @example 98.2
             */
            depth_percent: number;
            /**
             * @description What; `other` for all that is small.
             * @example megaupload
             */
            name: string;
            /**
             * Format: double
             * @description Octets less (of a surge: more) than expected.
             */
            octets: number;
            /**
             * Format: double
             * @description Of all, from 0 to 1.
             * @example 0.73
             */
            share: number;
        };
        /** @description A range and its series. */
        Period: {
            /**
             * @description Start of each bucket, RFC 3339, UTC.
             * @example [
             *       "2026-11-21T10:00:00Z"
             *     ]
             */
            buckets: string[];
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            from: string;
            /** @description Whether any of the selected links was observed in each bucket. */
            observed: boolean[];
            /** @description One series a group, the largest first; the groups beyond `top` are summed as the last one. */
            series: components["schemas"]["Series"][];
            /**
             * Format: int32
             * @description Length of a bucket in seconds. Of an earlier range it can be longer: older history is coarser.
             * @example 300
             */
            step_seconds: number;
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             * @example 2026-11-21T11:00:00Z
             */
            to: string;
        };
        /** @description Where a text is wrong. */
        Place: {
            /**
             * @description What could stand there.
             * @example [
             *       "link",
             *       "category"
             *     ]
             */
            expected: string[];
            /**
             * @description How long it is, in UTF-16 code units.
             * @example 3
             */
            length: number;
            /**
             * @description Where it begins, in UTF-16 code units: what JavaScript counts strings in.
             * @example 7
             */
            offset: number;
        };
        /** @description The earlier range of a comparison. */
        PreviousTotals: {
            /**
             * Format: date-time
             * @description Start of the earlier range, RFC 3339, UTC.
             */
            previous_from: string;
            /**
             * Format: date-time
             * @description Its end, exclusive.
             */
            previous_to: string;
            /** @description Everything that the filter lets through then. */
            previous_total: components["schemas"]["Sums"];
        };
        /** @description What a probe reported over the range. */
        Probe: {
            /**
             * Format: int64
             * @description Packets that the kernel dropped.
             */
            dropped_kernel: Count;
            /**
             * Format: date-time
             * @description Start of its last interval, RFC 3339, UTC.
             */
            last_interval: string;
            /**
             * Format: int64
             * @description Packets counted in a later interval than their own.
             */
            late: Count;
            /**
             * Format: int64
             * @description Octets received.
             */
            octets: Count;
            /**
             * Format: int64
             * @description Packets received.
             */
            packets: Count;
            /**
             * @description Its name.
             * @example probe-1
             */
            probe: string;
            /**
             * Format: int64
             * @description Packets that others stood for.
             */
            sampled_packets: Count;
            /** @description Seconds since then. */
            seconds_since: number;
            /**
             * Format: int64
             * @description Packets whose flow the full table did not take.
             */
            table_full: Count;
            /**
             * Format: int64
             * @description Flows that were not inspected, for lack of time or memory.
             */
            uninspected_flows: Count;
            /**
             * Format: int64
             * @description The old name of `uninspected_flows`; it goes with version 0.2.
             */
            unprobed_flows: Count;
        };
        /** @description An error answer, `application/problem+json` (RFC 9457). */
        Problem: {
            /**
             * @description What happened, and what to do.
             * @example step: `7s` is not a multiple of 10 seconds
             */
            detail: string;
            /** @description Every parameter that is wrong, where parameters are. */
            errors?: components["schemas"]["ParameterError"][];
            /**
             * Format: int32
             * @description The HTTP status code.
             * @example 400
             */
            status: number;
            /**
             * @description The status in words.
             * @example Bad Request
             */
            title: string;
            /**
             * @description Always `about:blank`: the status says what kind of problem it is.
             * @example about:blank
             */
            type: string;
        };
        /** @description One service or network over a range. */
        Profile: {
            /**
             * Format: int32
             * @description The network's number; of networks only.
             */
            asn?: number;
            /** @description By category, the largest first. */
            categories: components["schemas"]["ProfilePart"][];
            /** @description What the service is for, where the rules know it; of services only. */
            category?: string;
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             */
            from: string;
            /** @description Towards our network. */
            in: components["schemas"]["Share"];
            /** @description Where it crosses: the links by octets of both directions, the largest first. */
            links: components["schemas"]["LinkShare"][];
            /**
             * @description The service's name, or the network's where it is known.
             * @example youtube
             */
            name: string | null;
            /** @description What it is part of: its share of each of these links' traffic. */
            of_links: components["schemas"]["LinkPart"][];
            /** @description Out of our network. */
            out: components["schemas"]["Share"];
            /** @description The same earlier, where a comparison is asked for. */
            previous?: components["schemas"]["Before"];
            /** @description By protocol, the largest first; of services only: of networks no protocols are kept. */
            protocols?: components["schemas"]["ProfilePart"][];
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             */
            to: string;
        };
        /** @description A part of it. */
        ProfilePart: {
            /**
             * @description Of what.
             * @example streaming
             */
            name: string;
            /**
             * Format: int64
             * @description Octets of both directions.
             */
            octets: Count;
        };
        /** @description How soon flows of a protocol were known. */
        ProtocolLengths: {
            /** @description Flows in each bin. */
            flows: Count[];
            /**
             * @description The protocol.
             * @example tls
             */
            protocol: string;
        };
        /** @description Rates of a bin. */
        Rates: {
            /**
             * Format: double
             * @description Towards our network, in bit/s; `null` where no link was watched.
             */
            in_bps: number | null;
            /**
             * Format: double
             * @description Out of our network, in bit/s.
             */
            out_bps: number | null;
            /**
             * Format: date-time
             * @description Its start, RFC 3339, UTC.
             */
            time: string;
        };
        /** @description A receiver of alerts. */
        ReceiverHealth: {
            /**
             * Format: int64
             * @description Messages that it has taken.
             */
            delivered: Count;
            /** @description What the last try failed of; `null` after a success. */
            error: string | null;
            /**
             * Format: int64
             * @description Messages that were given up after too long a time.
             */
            expired: Count;
            /**
             * Format: int64
             * @description Tries that failed.
             */
            failed_tries: Count;
            /**
             * Format: int64
             * @description Events that it was told of and that are not over.
             */
            firing: Count;
            /**
             * @description `alertmanager`, `webhook`, `slack`, `syslog` or `email`.
             * @example slack
             */
            kind: string;
            /**
             * Format: date-time
             * @description When it has taken a message last.
             */
            last_delivered: string | null;
            /**
             * @description Its name.
             * @example noc-chat
             */
            name: string;
            /**
             * Format: date-time
             * @description When the oldest of them was handed over.
             */
            oldest: string | null;
            /**
             * Format: int64
             * @description Messages that were dropped because too many waited.
             */
            overflowed: Count;
            /**
             * @description Where it is, without what is secret.
             * @example https://hooks.example.net/…
             */
            place: string;
            /**
             * Format: int64
             * @description Messages that it did not want.
             */
            refused: Count;
            /**
             * Format: int64
             * @description Messages that were not sent because their event is silenced or acknowledged.
             */
            silenced: Count;
            /**
             * Format: int64
             * @description Messages that wait for it.
             */
            waiting: Count;
        };
        /** @description One end of a flow, and what it sent. */
        RecordedEnd: {
            /**
             * @description Its address; of a local one the network alone, unless it is configured otherwise.
             * @example 203.0.113.0
             */
            address: string;
            /**
             * Format: int64
             * @description Octets on the wire.
             */
            octets: Count;
            /**
             * Format: int64
             * @description Packets.
             */
            packets: Count;
            /**
             * Format: int32
             * @description Its port.
             * @example 443
             */
            port: number;
        };
        /** @description A flow, or a part of a long one. */
        RecordedFlow: {
            /**
             * @description What it is for.
             * @example direct-download
             */
            category: string;
            /**
             * Format: int32
             * @description How sure that is, of 100.
             * @example 100
             */
            confidence: number;
            /**
             * @description `idle`, `active` (it goes on: this is what it had so far), `end-of-flow`, `forced` or
             *     `lack-of-resources`: flowEndReason of IPFIX.
             * @example end-of-flow
             */
            end_reason: string;
            /**
             * Format: date-time
             * @description First packet, RFC 3339, UTC.
             */
            first: string;
            /** @description Who began it. */
            initiator: components["schemas"]["RecordedEnd"];
            /**
             * Format: date-time
             * @description Last packet, RFC 3339, UTC.
             */
            last: string;
            /**
             * @description The link of its first packet.
             * @example transit-1
             */
            link: string;
            /**
             * @description Who saw it.
             * @example probe-1
             */
            probe: string;
            /**
             * @description What is spoken.
             * @example http
             */
            protocol: string;
            /** @description The other end. */
            responder: components["schemas"]["RecordedEnd"];
            /**
             * @description Whose it is.
             * @example 1fichier
             */
            service: string;
            /**
             * Format: int32
             * @description For how many flows it stands: 1 for a heavy one, N for one that was drawn from N others.
             * @example 1
             */
            stands_for: number;
            /**
             * Format: int32
             * @description IANA's number of the transport protocol.
             * @example 6
             */
            transport: number;
        };
        /** @description A link's month. */
        Report: {
            bill: components["schemas"]["Bill"] | null;
            /** @description How much of it was watched. */
            coverage: components["schemas"]["Coverage"];
            /** @description Whether the month has ended: until then percentile and bill are those of the month so far. */
            ended: boolean;
            /**
             * Format: date-time
             * @description Its first moment.
             */
            from: string;
            in: components["schemas"]["DirectionReport"] | null;
            /** @description The link's name. */
            link: string;
            /**
             * @description As `2026-11`.
             * @example 2026-11
             */
            month: string;
            out: components["schemas"]["DirectionReport"] | null;
            /**
             * Format: double
             * @description The higher of the two directions' 95th percentiles, in bit/s.
             */
            p95_max_bps: number | null;
            /**
             * Format: double
             * @description The 95th percentile of both directions' sums, bin by bin, in bit/s.
             */
            p95_sum_bps: number | null;
            /**
             * Format: date-time
             * @description The first moment after it.
             */
            to: string;
        };
        /** @description Quantiles of TCP handshake round-trip times per bucket, from merged histograms. */
        RoundTrips: {
            /**
             * @description Start of each bucket, RFC 3339, UTC.
             * @example [
             *       "2026-11-21T10:00:00Z"
             *     ]
             */
            buckets: string[];
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            from: string;
            /** @description The histograms themselves, where they are asked for. */
            histogram?: components["schemas"]["Histogram"];
            /** @description Half of the round trips took at most this, in microseconds; `null` where none was seen. */
            p50_us: (number | null)[];
            /** @description 95 of 100 round trips took at most this, in microseconds; `null` where none was seen. */
            p95_us: (number | null)[];
            /** @description 99 of 100 round trips took at most this, in microseconds; `null` where none was seen. */
            p99_us: (number | null)[];
            /** @description Round trips seen. */
            samples: Count[];
            /**
             * Format: int32
             * @description Length of a bucket in seconds.
             * @example 300
             */
            step_seconds: number;
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             * @example 2026-11-21T11:00:00Z
             */
            to: string;
        };
        /** @description One group's sums. */
        Row: components["schemas"]["Sums"] & {
            /**
             * @description The value of each dimension of `group_by`; `other` in the row that sums the rest.
             * @example {
             *       "protocol": "bittorrent"
             *     }
             */
            group: {
                [key: string]: string;
            };
            /** @description The same group earlier, where a comparison is asked for. */
            previous?: components["schemas"]["Sums"];
        };
        /** @description What flows from where to where: the numbers of a Sankey diagram. */
        Sankey: {
            /** @description What flows between values of neighbouring dimensions. */
            flows: components["schemas"]["Flow"][];
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             */
            from: string;
            /** @description The values, those of the first dimension first, each dimension's largest first. */
            nodes: components["schemas"]["Node"][];
            /**
             * @description The dimensions from left to right.
             * @example [
             *       "category",
             *       "link",
             *       "asn"
             *     ]
             */
            path: string[];
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             */
            to: string;
            /** @description Everything together. */
            total: components["schemas"]["Sums"];
        };
        /** @description One group's volumes. `null` is "not observed"; 0 is "observed, and there was none". */
        Series: {
            /** @description Flows begun per bucket. */
            flows: (Count | null)[];
            /**
             * @description The value of each dimension of `group_by`; `other` in the series that sums the rest.
             * @example {
             *       "category": "p2p",
             *       "direction": "in"
             *     }
             */
            group: {
                [key: string]: string;
            };
            /** @description Octets per bucket: whole frames on the wire, without FCS. */
            octets: (Count | null)[];
            /** @description Packets per bucket. */
            packets: (Count | null)[];
            /** @description Figures over exact bins, where they are asked for and anything was watched. */
            statistics?: components["schemas"]["SeriesStatistics"];
            /** @description Sums over the range. */
            total: components["schemas"]["Sums"];
        };
        /**
         * @description A series' figures, over bins that lie wholly within the range and have ended. Bins that were watched and in
         *     which nothing came are zeros like any other.
         */
        SeriesStatistics: {
            /**
             * Format: int32
             * @description Length of a bin: 10 s up to an hour, 1 min up to 6 hours, else 5 min, as bills have it; an hour where
             *     5 min are not kept or would be too many.
             * @example 300
             */
            bin_seconds: number;
            /**
             * @description Bins that were watched.
             * @example 2016
             */
            bins: number;
            /**
             * Format: double
             * @description The latest bin, in bit/s.
             */
            last_bps: number;
            /**
             * Format: double
             * @description The highest bin, in bit/s.
             */
            max_bps: number;
            /**
             * Format: double
             * @description The mean over all bins, in bit/s.
             */
            mean_bps: number;
            /**
             * Format: double
             * @description The lowest bin, in bit/s.
             */
            min_bps: number;
            /**
             * Format: double
             * @description The 95th percentile of the bins, nearest rank, in bit/s.
             */
            p95_bps: number;
        };
        /** @description A service that the rules know. */
        ServiceInfo: {
            /**
             * @description What it is for.
             * @example direct-download
             */
            category: string;
            /**
             * @description The service's name.
             * @example 1fichier
             */
            name: string;
        };
        /** @description The services that the rules know. */
        Services: {
            /** @description By name. */
            services: components["schemas"]["ServiceInfo"][];
        };
        /** @description Octets of a direction, and the part of all. */
        Share: {
            /**
             * Format: int64
             * @description Octets.
             */
            octets: Count;
            /**
             * Format: double
             * @description The part of all octets of that direction, from 0 to 1; `null` where there are none.
             */
            share: number | null;
        };
        /** @description A day in half hours that have ended. */
        Sparkline: {
            /**
             * Format: date-time
             * @description Start of the first, RFC 3339, UTC.
             */
            from: string;
            /** @description Towards our network, in bit/s; `null` where it was not watched. */
            in_bps: (number | null)[];
            /** @description Out of our network, in bit/s. */
            out_bps: (number | null)[];
            /**
             * Format: int32
             * @description Length of each in seconds.
             */
            step_seconds: number;
        };
        /** @description The spool: rows on disk until the database has acknowledged them. */
        SpoolHealth: {
            /** @description Files in it with damage; what is whole in them is used. */
            corrupt_segments: number;
            /**
             * Format: int64
             * @description Rows dropped: it was full of such rows.
             */
            dropped_rows: Count;
            /** @description Why it cannot be written, so that rows are kept in memory; `null` when it can. */
            error: string | null;
            /**
             * Format: int64
             * @description Octets that it may take.
             */
            max_octets: Count;
            /**
             * Format: int64
             * @description Rows that were added up to rows of a minute: it was full.
             */
            merged_rows: Count;
            /**
             * Format: int64
             * @description Octets that it takes.
             */
            octets: Count;
            /** @description Seconds since the oldest of them was taken; `null` if none waits. */
            oldest_seconds: number | null;
            /** @description Batches that wait in it. */
            records: number;
            /** @description Batches that it held when the program started. */
            recovered_records: number;
            /** @description Groups of rows that the database refused for their content, set aside. */
            refused_groups: number;
            /**
             * Format: int64
             * @description Rows in these.
             */
            refused_rows: Count;
            /** @description Acknowledged batches sent once more: the database was taken back to what was on disk. */
            rewound_records: number;
            /**
             * Format: int64
             * @description Their rows.
             */
            rows: Count;
            /** @description Batches that the database acknowledged and has not on disk for certain: they are kept until then. */
            unforced_records: number;
        };
        /** @description What packets cost in a stage; one packet in 1,024 is timed. */
        StageInfo: {
            /**
             * Format: double
             * @description Nanoseconds a packet, reading the clock included; `null` before the first.
             */
            nanoseconds: number | null;
            /** @description `decode`, `table`, `classify` (of packets that are shown to probes) or `count`. */
            stage: string;
            /**
             * Format: int64
             * @description Packets timed.
             */
            timed_packets: Count;
        };
        /** @description A statement and its parameters. */
        Statement: {
            /** @description What the parameters were bound to. */
            parameters: Record<string, never>;
            /**
             * @description What it was asked for, in words.
             * @example sum up volumes
             */
            purpose: string;
            /**
             * @description Its text in ClickHouse's SQL, with `{name:Type}` where parameters are.
             * @example SELECT … WHERE link IN {only_link:Array(String)}
             */
            sql: string;
        };
        /** @description What the database was asked. */
        Statements: {
            /** @description In the order in which they were asked. */
            statements: components["schemas"]["Statement"][];
        };
        /** @enum {string} */
        Status: "ok" | "degraded";
        /** @description The store and the way to it. */
        StoreHealth: {
            /** @description What is damaged; `/api/v1/damage` says where and what to do. */
            damage: components["schemas"]["DamageHealth"];
            /**
             * Format: int64
             * @description Octets on disk, compressed; `null` while the database does not answer.
             */
            disk_octets: Count | null;
            /**
             * Format: int64
             * @description Rows in all tables; `null` while the database does not answer.
             */
            disk_rows: Count | null;
            /**
             * Format: int64
             * @description Octets that those rows counted.
             */
            dropped_octets: Count;
            /**
             * Format: int64
             * @description Rows given up: the spool was full, or it could not be written and memory was.
             */
            dropped_rows: Count;
            /**
             * Format: int64
             * @description Inserts that failed; each is repeated.
             */
            failed_inserts: Count;
            /** @description Who runs the database. */
            kind: components["schemas"]["StoreKind"];
            /** @description Seconds since the end of that interval; 0 if it ends in the future, `null` before the first. */
            lag_seconds: number | null;
            /** @description What the last insert failed with; `null` when it did not. */
            last_error: string | null;
            /**
             * Format: date-time
             * @description Start of the last interval that was written, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            last_interval: string | null;
            /** @description Why it is not forced to disk again; `null` when it is. */
            mark_error: string | null;
            /** @description Seconds since what was acknowledged was forced to disk; `null` where the database is a server. */
            mark_seconds: number | null;
            /** @description Rows that the database has not acknowledged yet. */
            queued_rows: number;
            spool: components["schemas"]["SpoolHealth"] | null;
            /**
             * @description The database's version.
             * @example 26.7.3.1
             */
            version: string;
            /** @description Settings of a server with which it may lose acknowledged rows when its power is cut. */
            weak_settings: string[];
            /**
             * Format: int64
             * @description Rows that the database acknowledged.
             */
            written_rows: Count;
        };
        /**
         * @description Who runs the database.
         * @enum {string}
         */
        StoreKind: "embedded" | "server";
        /** @description Live streams. */
        Streams: {
            /** @description That may be open at the same time. */
            limit: number;
            /** @description Open now. */
            open: number;
        };
        /** @description Sums over a range. */
        Sums: {
            /**
             * Format: int64
             * @description Flows begun.
             */
            flows: Count;
            /**
             * Format: int64
             * @description Octets: whole frames on the wire, without FCS.
             */
            octets: Count;
            /**
             * Format: int64
             * @description Packets.
             */
            packets: Count;
        };
        /** @description How the system itself is doing. */
        System: {
            drops: components["schemas"]["Drops"] | null;
            /**
             * Format: date-time
             * @description Start of the range of `probes` and `drops`, RFC 3339, UTC.
             */
            from: string;
            /** @description What /api/v1/health says. */
            health: components["schemas"]["Health"];
            /** @description The probes that reported within the range; `null` while the database does not answer. */
            probes: components["schemas"]["Probe"][] | null;
            /** @description People who are logged in. */
            sessions: number;
            /** @description Live streams. */
            streams: components["schemas"]["Streams"];
            /** @description The database's tables, the largest first; `null` while it does not answer. */
            tables: components["schemas"]["Table"][] | null;
            /**
             * Format: date-time
             * @description End of the range, exclusive.
             */
            to: string;
        };
        /** @description A table of the database. */
        Table: {
            /** @description Start of its newest interval. */
            newest: string | null;
            /**
             * Format: int64
             * @description Octets on disk, compressed.
             */
            octets: Count;
            /** @description Start of its oldest interval, RFC 3339, UTC; `null` where it has none. */
            oldest: string | null;
            /**
             * Format: int64
             * @description Its rows.
             */
            rows: Count;
            /**
             * @description Its name.
             * @example volumes_10s
             */
            table: string;
        };
        /** @description The flow tables. */
        Tables: {
            /** @description Flows in them now. */
            active: number;
            /** @description Flows that they can hold. */
            capacity: number;
            /**
             * Format: int64
             * @description The old name of `unanswered`; it goes with version 0.2.
             */
            half_open: Count;
            /**
             * Format: int64
             * @description The old name of `unanswered_evicted`; it goes with version 0.2.
             */
            half_open_evicted: Count;
            /**
             * Format: int64
             * @description Octets of the tables and of what is kept of open flows.
             */
            octets: Count;
            /**
             * Format: int64
             * @description Of the flows in them, those that are still inspected or watched.
             */
            open: Count;
            /**
             * Format: int64
             * @description Of the flows in them, those of one packet or of connection requests only.
             */
            unanswered: Count;
            /**
             * Format: int64
             * @description Unanswered flows that had to make room.
             */
            unanswered_evicted: Count;
            /**
             * Format: int64
             * @description Flows that were not inspected, or not to their verdict, for lack of time or memory.
             */
            uninspected: Count;
            /**
             * Format: int64
             * @description The old name of `uninspected`; it goes with version 0.2.
             */
            unprobed: Count;
            /**
             * Format: int64
             * @description Flows without a verdict that had to make room for others under inspection.
             */
            unsettled_evicted: Count;
        };
        /** @description What most of an event is. */
        Top: {
            /**
             * @description A service's name; of a link's event the link's.
             * @example megaupload
             */
            name: string;
            /**
             * Format: double
             * @description Its share of the loss, from 0 to 1.
             * @example 0.73
             */
            share: number;
        };
        /** @description Sums per group. */
        Totals: {
            /**
             * Format: date-time
             * @description Start of the earlier range, RFC 3339, UTC.
             */
            previous_from?: string;
            /**
             * Format: date-time
             * @description Its end, exclusive.
             */
            previous_to?: string;
            /** @description Everything that the filter lets through then. */
            previous_total?: components["schemas"]["Sums"];
        } & {
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             * @example 2026-11-21T10:00:00Z
             */
            from: string;
            /**
             * @description The dimensions of each row's group.
             * @example [
             *       "protocol"
             *     ]
             */
            group_by: string[];
            /**
             * @description How many groups there are, those that are summed as the rest included.
             * @example 17
             */
            groups: number;
            /** @description One row a group, the largest first; the groups beyond `top` are summed as the last one. */
            rows: components["schemas"]["Row"][];
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             * @example 2026-11-21T11:00:00Z
             */
            to: string;
            /** @description Everything that the filter lets through. */
            total: components["schemas"]["Sums"];
        };
        /** @description How a link grows. */
        Trend: {
            /**
             * Format: double
             * @description Its interval at the forecast's level.
             */
            high: number;
            /**
             * Format: double
             * @description Its interval at the forecast's level.
             */
            low: number;
            /**
             * Format: double
             * @description Growth in a year: 0.2 is a fifth more.
             */
            per_year: number;
            /** @description Whether the interval leaves 0 out: otherwise there is no trend. */
            significant: boolean;
        };
        /** @description What is wrong with a filter, and what could come next. */
        Typed: {
            /** @description The same filter as it is written best. */
            canonical: string | null;
            /** @description What could stand where the cursor is. */
            completions: components["schemas"]["Completions"];
            /** @description Everything that is wrong. */
            errors: components["schemas"]["Wrong"][];
            /** @description The filter. */
            text: string;
            /** @description Whether it can be used as it is; an empty one can, and lets everything through. */
            valid: boolean;
        };
        /** @description The rest of a loss. */
        Unexplained: {
            /**
             * Format: double
             * @description Octets.
             */
            octets: number;
            /**
             * Format: double
             * @description Of all that was lost, from 0 to 1.
             */
            share: number;
        };
        /** @description A saved view. */
        View: {
            /**
             * Format: date-time
             * @description When, RFC 3339, UTC.
             */
            at: string;
            /**
             * @description Who saved it.
             * @example operator
             */
            by: string;
            /**
             * @description What it is deleted by.
             * @example 4be0643f1d98573b
             */
            id: string;
            /**
             * @description Its name.
             * @example p2p by network, last evening
             */
            name: string;
            /**
             * @description Path and query of the page.
             * @example /explore?group=asn&filter=category%20%3D%20p2p
             */
            url: string;
        };
        /** @description The saved views. */
        Views: {
            /** @description The newest first; at most 500. */
            views: components["schemas"]["View"][];
        };
        /** @description Volumes per bucket and group. */
        Volumes: components["schemas"]["Period"] & {
            /**
             * @description The dimensions of each series' group.
             * @example [
             *       "category",
             *       "direction"
             *     ]
             */
            group_by: string[];
            /**
             * @description How many groups there are, those that are summed as the rest included.
             * @example 17
             */
            groups: number;
            /** @description The same groups in the same order, earlier, where a comparison is asked for. */
            previous?: components["schemas"]["Period"];
        };
        /** @description Growth by direction. */
        WeekChange: {
            /**
             * Format: double
             * @description Towards our network.
             */
            in: number | null;
            /**
             * Format: double
             * @description Out of our network.
             */
            out: number | null;
        };
        /** @description How much flows at which hour of which day of the week. */
        WeekHours: {
            /**
             * Format: date-time
             * @description Start of the range, RFC 3339, UTC.
             */
            from: string;
            /** @description Towards our network. */
            in: components["schemas"]["WeekRates"];
            /** @description Out of our network. */
            out: components["schemas"]["WeekRates"];
            /**
             * Format: date-time
             * @description End of the range, exclusive, RFC 3339, UTC.
             */
            to: string;
            /**
             * @description By whose clock.
             * @example Europe/Paris
             */
            zone: string;
        };
        /** @description Rates of a week's hours: seven rows, Monday's first, of 24 hours each. `null`: never watched. */
        WeekRates: {
            /** @description The highest mean of such an hour, in bit/s. */
            max_bps: (number | null)[][];
            /** @description The mean over all weeks of the range, in bit/s. */
            mean_bps: (number | null)[][];
        };
        /** @description Who asks. */
        Who: {
            /** @description Whether whoever asks is known. */
            authenticated: boolean;
            /**
             * Format: date-time
             * @description When their session ends, if nobody uses it, RFC 3339, UTC.
             */
            expires: string | null;
            /**
             * @description How one can be known here: `token`, `proxy`.
             * @example [
             *       "token"
             *     ]
             */
            methods: string[];
            /**
             * @description Their name: a proxy's word, else that of the role.
             * @example operator
             */
            name: string | null;
            /** @description Whether anything is asked for: a token, or a proxy's word. */
            required: boolean;
            /** @description What they may do. */
            role: ("viewer" | "operator") | null;
            /** @description How they are known. */
            via: ("open" | "token" | "session" | "proxy") | null;
        };
        /** @description Workers that leave something out. */
        Workers: {
            /**
             * Format: int64
             * @description Packets that were counted under no class: others stood for them.
             */
            sampled_packets: Count;
            /**
             * Format: int64
             * @description Those that sample new flows.
             */
            sampling: Count;
            /**
             * Format: int64
             * @description Those that do not inspect new flows.
             */
            unprobing: Count;
        };
        /** @description What is wrong, and where. */
        Wrong: components["schemas"]["Place"] & {
            /**
             * @description What is wrong.
             * @example `lnk` is not a field
             */
            message: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    progress: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The last one since the start */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backup"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    begin: {
        parameters: {
            query: {
                /** @description An earlier backup beside it: only what is not in that one is copied, and both are needed to restore. */
                base?: string;
                /**
                 * @description Its name: a folder of this name is made within `[store] backups`.
                 * @example 2026-12-01
                 */
                name: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is being taken */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backup"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This needs the role operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    baseline: {
        parameters: {
            query?: {
                /**
                 * @description One category; absent: all together.
                 * @example p2p
                 */
                category?: string;
                /**
                 * @description `in` or `out`; absent: both together.
                 * @example in
                 */
                direction?: string;
                /**
                 * @description Start of the range, written as everywhere. `start` says the same. Absent: one hour before `to`. The
                 *     range has at most 92 days.
                 * @example now-1d
                 */
                from?: string;
                /**
                 * @description One link; absent: all together.
                 * @example transit-1
                 */
                link?: string;
                /**
                 * @description Length of a point: at least a minute. Absent: the finest of 1m, 5m, 15m, 1h, 6h and 1d that gives at
                 *     most 600 points.
                 * @example 5m
                 */
                step?: string;
                /**
                 * @description End of the range. `end` says the same. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The series with its expectation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Expected"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    capacity: {
        parameters: {
            query?: {
                /**
                 * @description Which part of the capacity is looked for: from 0.01 to 10. Absent: 0.8.
                 * @example 0.8
                 */
                threshold?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The links */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Capacity"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    damage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was found */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Damages"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    look: {
        parameters: {
            query?: {
                /** @description Read everything, and compare it with its checksums. */
                deep?: boolean;
                /**
                 * @description Give up what is damaged: delete parts that are set aside, set aside those that cannot be read (with `deep`), and
                 *     no longer expect rows that are missing.
                 */
                give_up?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is being looked for */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Damages"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This needs the role operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    engine: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its numbers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /**
                 * @description Only those that touch one of these categories.
                 * @example [
                 *       "direct-download"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description Those that were not over then: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. `start` says the same. Absent: from the beginning.
                 * @example now-7d
                 */
                from?: string;
                /**
                 * @description Only these kinds: `shutdown`, `link-outage`, `shift`, `surge`, `mix-change`, `unknown`.
                 * @example [
                 *       "shutdown"
                 *     ]
                 */
                kind?: string[];
                /**
                 * @description At most so many, the latest first. Absent: 100.
                 * @example 100
                 */
                limit?: number;
                /**
                 * @description Only those that touch one of these links.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these severities: `info`, `warning`, `critical`.
                 * @example [
                 *       "warning",
                 *       "critical"
                 *     ]
                 */
                severity?: string[];
                /**
                 * @description `open` or `ended`.
                 * @example open
                 */
                state?: string;
                /**
                 * @description Those that had begun before, written like `from`. `end` says the same. Absent: all later ones.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events, the latest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Events"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The event's id
                 * @example 20261121-1915-3fa2
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The event */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventDetail"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such event */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    evidence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The event's id
                 * @example 20261121-1915-3fa2
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The event with its evidence */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventEvidence"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such event */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    add_note: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The event's id
                 * @example 20261121-1915-3fa2
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNote"];
            };
        };
        responses: {
            /** @description The note, as it is kept */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Note"];
                };
            };
            /** @description What is wrong with it: everything */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This needs the role operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such event */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    event_series: {
        parameters: {
            query?: {
                /**
                 * @description `link:NAME`, `category:NAME`, `category:NAME@LINK`, `service:NAME` or `network:NUMBER`: one of the
                 *     event's `members`, or any other. Absent: the event's main series.
                 * @example category:direct-download
                 */
                of?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The event's id
                 * @example 20261121-1915-3fa2
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The series with its expectation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Expected"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such event */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    filter: {
        parameters: {
            query?: {
                /**
                 * @description Where the cursor is, in UTF-16 code units from the start. Absent: at the end.
                 * @example 10
                 */
                cursor?: number;
                /**
                 * @description The filter as far as it is typed.
                 * @example link = tra
                 */
                text?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Errors and completions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Typed"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    flow_records: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description `json`; or a file with one row a group (and bucket), all groups: `csv`, `jsonl` (one object a line),
                 *     `parquet`, `arrow`. `top` does not count there, and a step is to be given. Absent: as the Accept
                 *     header has it (text/csv, application/jsonl, application/vnd.apache.parquet,
                 *     application/vnd.apache.arrow.file), else `json`.
                 * @example json
                 */
                format?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description At most so many, the heaviest first. Absent: 100; in a file, all.
                 * @example 100
                 */
                limit?: number;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FlowRecords"];
                    "application/jsonl": string;
                    "application/vnd.apache.arrow.file": string;
                    "application/vnd.apache.parquet": string;
                    "text/csv": string;
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    coming: {
        parameters: {
            query: {
                /**
                 * @description Days ahead that are answered one by one, at most 730. Absent: 90.
                 * @example 90
                 */
                days?: number;
                /**
                 * @description A configured link.
                 * @example transit-1
                 */
                link: string;
                /**
                 * @description What a day's figure is: `p95`, the 95th percentile of its bins (the default), or `peak`.
                 * @example p95
                 */
                measure?: string;
                /**
                 * @description Which part of the capacity is looked for: from 0.01 to 10. Absent: 0.8.
                 * @example 0.8
                 */
                threshold?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Both directions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkForecast"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The probe's health */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    heatmap: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description `sql`: instead of the answer, the statements that the database was asked for it, with what their
                 *     parameters were bound to.
                 * @example sql
                 */
                explain?: string;
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
                /**
                 * @description The time zone, by its name in the IANA's database. Absent: UTC.
                 * @example Europe/Paris
                 */
                zone?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The hours of a week */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WeekHours"] | components["schemas"]["Statements"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    links: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The links */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Links"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream of events; the schema is that of an event's data */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["LiveEvent"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many streams are open */
            503: {
                headers: {
                    /** @description Seconds to wait */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    networks: {
        parameters: {
            query: {
                /**
                 * @description Numbers of autonomous systems, repeated or separated by commas.
                 * @example [
                 *       64500
                 *     ]
                 */
                asn: number[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The names */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Networks"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    network: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description The same, earlier: `previous` for the time before that is as long, or how much earlier, as a number
                 *     with `s`, `m`, `h`, `d` or `w`: a whole number of steps.
                 * @example 1w
                 */
                compare?: string;
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path: {
                /** @description The autonomous system's number; 0 for those not known */
                asn: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The network */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No such number */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The network */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    month: {
        parameters: {
            query: {
                /**
                 * @description A configured link.
                 * @example transit-1
                 */
                link: string;
                /**
                 * @description As `2026-11`, by the clock of the link's contract (UTC unless configured). Absent: the running one.
                 * @example 2026-11
                 */
                month?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The month */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The month was not watched, or is not kept any more */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    round_trips: {
        parameters: {
            query?: {
                /**
                 * @description Only these categories.
                 * @example [
                 *       "streaming"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description `json`; or a file with one row a group (and bucket), all groups: `csv`, `jsonl` (one object a line),
                 *     `parquet`, `arrow`. `top` does not count there, and a step is to be given. Absent: as the Accept
                 *     header has it (text/csv, application/jsonl, application/vnd.apache.parquet,
                 *     application/vnd.apache.arrow.file), else `json`.
                 * @example json
                 */
                format?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description `true`: with the histograms themselves, in bins of half an octave.
                 * @example true
                 */
                histogram?: boolean;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Length of a bucket: seconds, or a number with `s`, `m`, `h`, `d` or `w`; a multiple of 10 s.
                 *     At most 2000 buckets. Where the history is kept only coarser than that, the answer's
                 *     `step_seconds` is longer. Absent: the finest of 10s, 30s, 1m, 5m, 15m, 1h, 6h, 1d, 1w and 4w that
                 *     gives at most 300 buckets.
                 * @example 5m
                 */
                step?: string;
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Quantiles per bucket */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoundTrips"];
                    "application/jsonl": string;
                    "application/vnd.apache.arrow.file": string;
                    "application/vnd.apache.parquet": string;
                    "text/csv": string;
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sankey: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description `sql`: instead of the answer, the statements that the database was asked for it, with what their
                 *     parameters were bound to.
                 * @example sql
                 */
                explain?: string;
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Two or three dimensions, from left to right, repeated or separated by commas. Absent: category, link, asn.
                 * @example [
                 *       "category",
                 *       "link",
                 *       "asn"
                 *     ]
                 */
                path?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
                /**
                 * @description How many values of each, by octets; the others are one, `other`. Absent: 10.
                 * @example 10
                 */
                top?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Values and what flows between them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sankey"] | components["schemas"]["Statements"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    services: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The services */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Services"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    service: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description The same, earlier: `previous` for the time before that is as long, or how much earlier, as a number
                 *     with `s`, `m`, `h`, `d` or `w`: a whole number of steps.
                 * @example 1w
                 */
                compare?: string;
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path: {
                /** @description The service; `none` for traffic of no known one */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The service */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The rules know no such service */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who asks */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Who"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A wrong token, after too many from this address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Who that is; the cookie is set */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Who"];
                };
            };
            /** @description The body is not what it should be */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A wrong token */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Asked by another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A wrong token, after too many from this address */
            429: {
                headers: {
                    /** @description Seconds to wait */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There is no session any more */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Asked by another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    system: {
        parameters: {
            query?: {
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Length of a bucket: seconds, or a number with `s`, `m`, `h`, `d` or `w`; a multiple of 10 s.
                 *     At most 2000 buckets. Where the history is kept only coarser than that, the answer's
                 *     `step_seconds` is longer. Absent: the finest of 10s, 30s, 1m, 5m, 15m, 1h, 6h, 1d, 1w and 4w that
                 *     gives at most 300 buckets.
                 * @example 5m
                 */
                step?: string;
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The system */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    totals: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description The same, earlier: `previous` for the time before that is as long, or how much earlier, as a number
                 *     with `s`, `m`, `h`, `d` or `w`: a whole number of steps.
                 * @example 1w
                 */
                compare?: string;
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description `sql`: instead of the answer, the statements that the database was asked for it, with what their
                 *     parameters were bound to.
                 * @example sql
                 */
                explain?: string;
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description `json`; or a file with one row a group (and bucket), all groups: `csv`, `jsonl` (one object a line),
                 *     `parquet`, `arrow`. `top` does not count there, and a step is to be given. Absent: as the Accept
                 *     header has it (text/csv, application/jsonl, application/vnd.apache.parquet,
                 *     application/vnd.apache.arrow.file), else `json`.
                 * @example json
                 */
                format?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Dimensions to group by, repeated or separated by commas: `link`, `direction`, `protocol`,
                 *     `service`, `category`, `probe`, and `asn`, the remote autonomous system, which goes with link,
                 *     direction and category only. Absent: everything together.
                 * @example [
                 *       "category",
                 *       "direction"
                 *     ]
                 */
                group_by?: string[];
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
                /**
                 * @description How many groups, by octets over the whole range; the others are summed as one whose values are
                 *     `other`. Absent: 100.
                 * @example 10
                 */
                top?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sums per group, and of everything */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Totals"] | components["schemas"]["Statements"];
                    "application/jsonl": string;
                    "application/vnd.apache.arrow.file": string;
                    "application/vnd.apache.parquet": string;
                    "text/csv": string;
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    views: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The views */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Views"];
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    save: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewView"];
            };
        };
        responses: {
            /** @description The view, as it is kept */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["View"];
                };
            };
            /** @description What is wrong with it: everything */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This needs the role operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The view's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This needs the role operator */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such view */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    volumes: {
        parameters: {
            query?: {
                /**
                 * @description Only these remote autonomous systems, by number; 0 for those that are not known, `other` for
                 *     what was added up beyond an interval's largest. Not together with protocol, service or probe.
                 * @example [
                 *       "64500"
                 *     ]
                 */
                asn?: string[];
                /**
                 * @description Only these categories.
                 * @example [
                 *       "p2p"
                 *     ]
                 */
                category?: string[];
                /**
                 * @description The same, earlier: `previous` for the time before that is as long, or how much earlier, as a number
                 *     with `s`, `m`, `h`, `d` or `w`: a whole number of steps.
                 * @example 1w
                 */
                compare?: string;
                /**
                 * @description Only this direction: `in` (towards our network) or `out`.
                 * @example [
                 *       "in"
                 *     ]
                 */
                direction?: string[];
                /**
                 * @description `sql`: instead of the answer, the statements that the database was asked for it, with what their
                 *     parameters were bound to.
                 * @example sql
                 */
                explain?: string;
                /**
                 * @description Only what this filter lets through, in the language of docs/filters.md.
                 * @example category in (p2p, direct-download) and not service = youtube
                 */
                filter?: string;
                /**
                 * @description `json`; or a file with one row a group (and bucket), all groups: `csv`, `jsonl` (one object a line),
                 *     `parquet`, `arrow`. `top` does not count there, and a step is to be given. Absent: as the Accept
                 *     header has it (text/csv, application/jsonl, application/vnd.apache.parquet,
                 *     application/vnd.apache.arrow.file), else `json`.
                 * @example json
                 */
                format?: string;
                /**
                 * @description Start of the range: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
                 *     with `s`, `m`, `h`, `d` or `w`. Absent: one hour before `to`. The range has at most 10 years.
                 * @example now-1h
                 */
                from?: string;
                /**
                 * @description Dimensions to group by, repeated or separated by commas: `link`, `direction`, `protocol`,
                 *     `service`, `category`, `probe`, and `asn`, the remote autonomous system, which goes with link,
                 *     direction and category only. Absent: everything together.
                 * @example [
                 *       "category",
                 *       "direction"
                 *     ]
                 */
                group_by?: string[];
                /**
                 * @description Only these links. Several values, repeated or separated by commas, are alternatives.
                 * @example [
                 *       "transit-1"
                 *     ]
                 */
                link?: string[];
                /**
                 * @description Only these probes.
                 * @example [
                 *       "probe-1"
                 *     ]
                 */
                probe?: string[];
                /**
                 * @description Only these protocols.
                 * @example [
                 *       "bittorrent"
                 *     ]
                 */
                protocol?: string[];
                /**
                 * @description Only these services; `none` for traffic of no known service.
                 * @example [
                 *       "1fichier"
                 *     ]
                 */
                service?: string[];
                /**
                 * @description `true`: with minimum, maximum, mean, latest and 95th percentile of each series, over exact bins and not
                 *     over the points.
                 * @example true
                 */
                statistics?: boolean;
                /**
                 * @description Length of a bucket: seconds, or a number with `s`, `m`, `h`, `d` or `w`; a multiple of 10 s.
                 *     At most 2000 buckets. Where the history is kept only coarser than that, the answer's
                 *     `step_seconds` is longer. Absent: the finest of 10s, 30s, 1m, 5m, 15m, 1h, 6h, 1d, 1w and 4w that
                 *     gives at most 300 buckets.
                 * @example 5m
                 */
                step?: string;
                /**
                 * @description End of the range, exclusive, written like `from`. Absent: `now`.
                 * @example now
                 */
                to?: string;
                /**
                 * @description How many groups, by octets over the whole range; the others are summed as one whose values are
                 *     `other`. Absent: 100.
                 * @example 10
                 */
                top?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Volumes per bucket and group */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Volumes"] | components["schemas"]["Statements"];
                    "application/jsonl": string;
                    "application/vnd.apache.arrow.file": string;
                    "application/vnd.apache.parquet": string;
                    "text/csv": string;
                };
            };
            /** @description Wrong parameters: all of them */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The store does not answer, or too much is asked of it */
            503: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenMetrics text; the older text format where that is not asked for */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                    "text/plain": string;
                };
            };
            /** @description An unknown parameter */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A token is configured, and the request does not carry it */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
