/** What is around every page: navigation, time, health, errors, files. */

import type { Entry } from '../words';

export const FRAME = {
  'nav.label': ['Pages', 'Pages'],
  'nav.skip': ['To the content', 'Aller au contenu'],
  'nav.overview': ['Overview', 'Vue d’ensemble'],
  'nav.explore': ['Explore', 'Explorer'],
  'nav.link': ['Link', 'Lien'],
  'nav.service': ['Service', 'Service'],
  'nav.network': ['Network', 'Réseau'],
  'nav.events': ['Events', 'Événements'],
  'nav.event': ['Event', 'Événement'],
  'nav.capacity': ['Capacity', 'Capacité'],
  'nav.system': ['System', 'Système'],
  'nav.docs': ['Docs', 'Documentation'],
  'footer.units': [
    'Rates in bit/s, volumes in bytes, whole frames without FCS; SI units.',
    'Débits en bit/s, volumes en octets (B), trames entières sans FCS ; unités SI.',
  ],
  'footer.metrics': ['metrics', 'métriques'],

  'range.label': ['Time range', 'Période'],
  'range.write': ['Write a range', 'Saisir une période'],
  'range.from': ['From', 'Du'],
  'range.to': ['To', 'Au'],
  'range.show': ['Show', 'Afficher'],
  'range.help': [
    'now, now-6h (s m h d w), {example} by the clock of {zone}, or RFC 3339 with an offset.',
    'now, now-6h (s m h d w), {example} à l’heure de {zone}, ou RFC 3339 avec décalage.',
  ],
  'range.back': ['One period back', 'Période précédente'],
  'range.forward': ['One period on', 'Période suivante'],
  'range.endsNow': ['The range already ends now', 'La période finit déjà maintenant'],
  'range.zoomOut': ['Twice as long', 'Période deux fois plus longue'],
  'range.last': ['The last {length}', 'Les dernières {length}'],
  'range.freeze': ['Freeze', 'Figer'],
  'range.freezeWhy': [
    'Fix both ends, so that the address always shows this very range',
    'Fixer les deux bornes : l’adresse montrera toujours cette période',
  ],
  'range.last-evening': ['Last evening', 'Hier soir'],
  'range.yesterday': ['Yesterday', 'Hier'],
  'range.last-week': ['Last week', 'Semaine passée'],
  'range.this-month': ['This month', 'Ce mois-ci'],
  'range.last-month': ['Last month', 'Mois passé'],
  'range.badStart': [
    '“{text}” is not a time the range can start at. Write now, now-6h (s, m, h, d, w), or a time such as 2026-01-31T18:00:00Z.',
    '« {text} » n’est pas un début de période. Écrivez now, now-6h (s, m, h, d, w) ou une heure comme 2026-01-31T18:00:00Z.',
  ],
  'range.badEnd': [
    '“{text}” is not a time the range can end at. Write now, now-6h (s, m, h, d, w), or a time such as 2026-01-31T18:00:00Z.',
    '« {text} » n’est pas une fin de période. Écrivez now, now-6h (s, m, h, d, w) ou une heure comme 2026-01-31T18:00:00Z.',
  ],
  'range.reversed': [
    'The range ends before it starts: exchange its two ends.',
    'La période finit avant de commencer : échangez ses deux bornes.',
  ],
  'range.tooShort': [
    'The range is shorter than the {seconds} s the probe counts in.',
    'La période est plus courte que les {seconds} s de comptage de la sonde.',
  ],
  'range.tooLong': [
    'The range is longer than 10 years: shorten it.',
    'La période dépasse 10 ans : raccourcissez-la.',
  ],

  'zone.label': ['Time zone', 'Fuseau horaire'],
  'zone.title': ['Times are shown in {zone}', 'Heures affichées : {zone}'],
  'zone.local': ['local', 'local'],

  'theme.auto': ['as the system', 'du système'],
  'theme.light': ['light', 'clair'],
  'theme.dark': ['dark', 'sombre'],
  'theme.switch': ['Theme: {theme}. Switch to: {next}.', 'Thème : {theme}. Passer à : {next}.'],

  'live.what': [
    'The live stream: rates now, once a second',
    'Le flux en direct : débits actuels, chaque seconde',
  ],
  'live.on': ['Live', 'En direct'],
  'live.connecting': ['Connecting', 'Connexion'],
  'live.ago': ['Last update {age} ago', 'Dernière mise à jour il y a {age}'],
  'live.ended': ['The live stream ended', 'Le flux en direct s’est interrompu'],
  'live.again': ['It is opened again.', 'Il est rouvert.'],
  'live.silent': ['The live stream is silent', 'Le flux en direct est muet'],
  'refresh.again': ['Ask again now', 'Actualiser maintenant'],
  'refresh.asked': [
    'The oldest panel was asked for {age} ago. Ask again now.',
    'Le panneau le plus ancien date de {age}. Actualiser maintenant.',
  ],

  'url.notUnderstood': ['The address was not understood.', 'L’adresse n’a pas été comprise.'],
  'url.dismiss': ['Dismiss', 'Masquer'],
  'url.noPage': [
    'There is no page “{text}”. The overview is shown instead.',
    'Il n’y a pas de page « {text} ». La vue d’ensemble la remplace.',
  ],
  'url.version': [
    'It is of version “{text}”, and this page writes version 1: some of it may mean something else.',
    'Elle est de version « {text} », cette page écrit la version 1 : certains champs peuvent avoir un autre sens.',
  ],
  'url.rangeInstead': ['The usual range is shown instead.', 'La période habituelle la remplace.'],
  'url.tz': [
    'tz: “{text}” is no time zone: local, utc, or a name such as Europe/Paris. Local time is shown.',
    'tz : « {text} » n’est pas un fuseau : local, utc ou un nom comme Europe/Paris. L’heure locale est affichée.',
  ],
  'url.theme': [
    'theme: “{text}” is unknown: light, dark or auto.',
    'theme : « {text} » est inconnu : light, dark ou auto.',
  ],
  'url.lang': ['lang: “{text}” is unknown: en or fr.', 'lang : « {text} » est inconnu : en ou fr.'],
  'url.link': [
    'link: at most 50 different names, none of them empty; “{text}” is more or less.',
    'link : au plus 50 noms différents, non vides ; « {text} » en a plus ou moins.',
  ],
  'url.hide': [
    'hide: at most 50 different names, none of them empty; “{text}” is more or less.',
    'hide : au plus 50 noms différents, non vides ; « {text} » en a plus ou moins.',
  ],
  'url.previous': [
    'previous: “{text}” is neither yes nor no.',
    'previous : « {text} » n’est ni yes ni no.',
  ],
  'url.filter': ['filter: longer than 2000 characters.', 'filter : plus de 2000 caractères.'],
  'url.by': [
    'by: “{text}” are not dimensions: category, service, protocol, link, asn, direction, probe. By category instead.',
    'by : « {text} » ne sont pas des dimensions : category, service, protocol, link, asn, direction, probe. Par catégorie à la place.',
  ],
  'url.chart': [
    'chart: “{text}” is unknown: stacked, share, lines, sankey, heatmap or table.',
    'chart : « {text} » est inconnu : stacked, share, lines, sankey, heatmap ou table.',
  ],
  'url.side': [
    'side: “{text}” is unknown: both, in, out or sum.',
    'side : « {text} » est inconnu : both, in, out ou sum.',
  ],
  'url.measure': [
    'measure: “{text}” is unknown: bits, packets or flows.',
    'measure : « {text} » est inconnu : bits, packets ou flows.',
  ],
  'url.top': [
    'top: “{text}” is not a number from 1 to 50.',
    'top : « {text} » n’est pas un nombre de 1 à 50.',
  ],
  'url.name': ['name: “{text}” cannot be one.', 'name : « {text} » ne peut pas en être un.'],
  'url.id': ['id: “{text}” is no event’s.', 'id : « {text} » n’est celui d’aucun événement.'],
  'url.of': [
    'of: “{text}” is no series: link:NAME, category:NAME, service:NAME or network:NUMBER.',
    'of : « {text} » n’est pas une série : link:NOM, category:NOM, service:NOM ou network:NUMÉRO.',
  ],
  'url.state': [
    'state: “{text}” is neither open nor ended.',
    'state : « {text} » n’est ni open ni ended.',
  ],
  'url.kind': ['kind: “{text}” is unknown.', 'kind : « {text} » est inconnu.'],
  'url.severity': ['severity: “{text}” is unknown.', 'severity : « {text} » est inconnu.'],
  'url.category': ['category: “{text}” is unknown.', 'category : « {text} » est inconnu.'],
  'url.sort': [
    'sort: “{text}” is unknown: runout, p95, commit or name.',
    'sort : « {text} » est inconnu : runout, p95, commit ou name.',
  ],

  'error.notUnderstood': ['The answer is not understood', 'La réponse n’est pas comprise'],
  'error.notJson': [
    '{path} answered with something that is not JSON. Is there a proxy in between?',
    '{path} a répondu autre chose que du JSON. Y a-t-il un proxy entre les deux ?',
  ],
  'error.late': ['No answer in time', 'Pas de réponse à temps'],
  'error.lateWhy': [
    'The server took longer than {seconds} s. A shorter range asks less of it.',
    'Le serveur a mis plus de {seconds} s. Une période plus courte lui en demande moins.',
  ],
  'error.unreachable': ['The server cannot be reached', 'Le serveur est injoignable'],
  'error.unreachableWhy': [
    'The appliance is stopped, restarting, or cut off from this browser. The page keeps trying.',
    'L’équipement est arrêté, redémarre, ou n’est pas joignable d’ici. La page continue d’essayer.',
  ],
  'error.shownFrom': ['What is shown is from {age} ago.', 'L’affichage date de {age}.'],
  'error.retry': ['Try again', 'Réessayer'],

  'panel.loading': ['Asking the appliance for this range …', 'Interrogation de l’équipement …'],
  'panel.csv': ['Save as CSV: {title}', 'Enregistrer en CSV : {title}'],
  'panel.png': ['Save as picture: {title}', 'Enregistrer comme image : {title}'],
  'panel.noPicture': ['No picture could be made: {why}', 'Aucune image n’a pu être créée : {why}'],

  'empty.unknown': [
    'Nothing was recorded in this range.',
    'Rien n’a été enregistré pendant cette période.',
  ],
  'empty.unknownWhat': [
    'No probe was running then, or it has not finished its first interval. Choose another range, start etiage run on a link, or feed a capture with etiage replay --rebase-to-now.',
    'Aucune sonde ne tournait, ou son premier intervalle n’est pas fini. Choisissez une autre période, lancez etiage run sur un lien, ou rejouez une capture avec etiage replay --rebase-to-now.',
  ],
  'empty.quiet': [
    'No traffic was observed in this range.',
    'Aucun trafic n’a été observé pendant cette période.',
  ],
  'empty.quietWhat': [
    'The links were watched, and nothing came that the filter lets through. Check the filter, and that the capture interface sees the link (mirror port, tap) and its packets map to a configured link.',
    'Les liens étaient surveillés, et rien n’est passé qui réponde au filtre. Vérifiez le filtre, et que l’interface de capture voit le lien (port miroir, tap) et que ses paquets correspondent à un lien configuré.',
  ],
  'empty.quietTable': [
    'Choose another range or other links.',
    'Choisissez une autre période ou d’autres liens.',
  ],
  'empty.filter': [
    'Choose another range, or take something out of the filter.',
    'Choisissez une autre période, ou allégez le filtre.',
  ],
  'partial.early': [
    'No interval of this range is complete yet: the chart begins with the first one that is.',
    'Aucun intervalle de cette période n’est encore complet : le graphique commence au premier qui l’est.',
  ],
  'partial.gaps': [
    '{gaps} of {all} intervals have no observation: the probe was not running, or could not write. They are left blank; their rates are unknown, not zero, and sums lack them.',
    '{gaps} intervalles sur {all} sont sans observation : la sonde ne tournait pas, ou ne pouvait pas écrire. Ils restent vides ; leurs débits sont inconnus, non nuls, et manquent aux sommes.',
  ],

  'health.label': ['Probe health', 'État de la sonde'],
  'health.probe': ['Probe', 'Sonde'],
  'health.unreachable': ['not reachable', 'injoignable'],
  'health.unreachableLast': [
    'not reachable; what it last said:',
    'injoignable ; ses derniers mots :',
  ],
  'health.asking': ['Asking the probe how it is …', 'Interrogation de la sonde …'],
  'health.more': ['What is this?', 'Qu’est-ce ?'],
  'health.less': ['Less', 'Moins'],
  'health.alarm': ['alarm', 'alarme'],
  'health.ok': ['ok', 'ok'],
  'health.degraded': ['degraded', 'dégradée'],
  'health.status': [
    'Etiage {version}, up {up}; ClickHouse {database} ({kind}).',
    'Etiage {version}, en marche depuis {up} ; ClickHouse {database} ({kind}).',
  ],
  'health.packets': ['Packets', 'Paquets'],
  'health.packetsWhat': [
    '{count} packets captured since the start.',
    '{count} paquets capturés depuis le démarrage.',
  ],
  'health.drops': ['Drops', 'Pertes'],
  'health.none': ['none', 'aucune'],
  'health.since': ['Since the start.', 'Depuis le démarrage.'],
  'health.noDrops': [
    'Neither the kernel, the interface, a queue nor the flow table dropped anything since the start.',
    'Ni le noyau, ni l’interface, ni une file, ni la table de flux n’ont rien perdu depuis le démarrage.',
  ],
  'health.kernel': ['kernel', 'noyau'],
  'health.kernelWhat': [
    'the capture ring was full: more capture threads, or a larger ring, help',
    'l’anneau de capture était plein : plus de fils de capture, ou un anneau plus grand, y remédient',
  ],
  'health.interface': ['interface', 'interface'],
  'health.interfaceWhat': [
    'the network card or its driver dropped them before capture',
    'la carte réseau ou son pilote les a perdus avant la capture',
  ],
  'health.queue': ['queue', 'file'],
  'health.queueWhat': [
    'a worker or the store did not keep up',
    'un fil ou le magasin n’a pas suivi',
  ],
  'health.table_full': ['flow table', 'table de flux'],
  'health.table_fullWhat': [
    'the flow table was full: these packets are counted, by port only',
    'la table de flux était pleine : ces paquets sont comptés, par port seulement',
  ],
  'health.storeRows': ['store {rows} rows', 'magasin {rows} lignes'],
  'health.storeRowsWhat': [
    '{rows} rows were given up: the store was away too long.',
    '{rows} lignes ont été abandonnées : le magasin a manqué trop longtemps.',
  ],
  'health.written': ['Written', 'Écrit'],
  'health.behind': ['{time} behind', 'retard {time}'],
  'health.writtenWhat': [
    'How far the newest stored interval is behind. {failed} inserts failed and were tried again.',
    'Retard du dernier intervalle écrit. {failed} insertions ont échoué et ont été répétées.',
  ],
  'health.lastError': ['Last error: {error}', 'Dernière erreur : {error}'],
  'health.rowsQueued': ['Queue', 'File'],
  'health.rows': ['{count} rows', '{count} lignes'],
  'health.queuedWhat': [
    'Rows that wait to be written. {count} were written since the start.',
    'Lignes en attente d’écriture. {count} ont été écrites depuis le démarrage.',
  ],
  'health.flows': ['Flows', 'Flux'],
  'health.of': ['{part} of {whole}', '{part} sur {whole}'],
  'health.flowsWhat': [
    'Active flows, and how many the flow table can hold. {count} began since the start.',
    'Flux actifs, et capacité de la table de flux. {count} ont commencé depuis le démarrage.',
  ],
  'health.undecodable': ['Undecodable', 'Indécodables'],
  'health.undecodableWhat': [
    'Packets whose headers are cut short or contradict themselves; they are counted as such.',
    'Paquets aux en-têtes coupés ou contradictoires ; ils sont comptés comme tels.',
  ],
  'health.late': ['Late', 'En retard'],
  'health.lateWhat': [
    'Packets that came after their interval was closed; they are counted in the oldest open one.',
    'Paquets arrivés après la clôture de leur intervalle ; comptés dans le plus ancien ouvert.',
  ],
  'health.implausible': ['Implausible time', 'Heure invraisemblable'],
  'health.implausibleWhat': [
    'Packets whose time cannot be true; they are counted at the time of the packet before.',
    'Paquets dont l’heure ne peut être vraie ; comptés à l’heure du paquet précédent.',
  ],
  'health.unmapped': ['Unmapped', 'Sans lien'],
  'health.unmappedWhat': [
    'Packets that belong to no configured link: see [[link]] in the configuration.',
    'Paquets d’aucun lien configuré : voir [[link]] dans la configuration.',
  ],
  'health.undetermined': ['Without direction', 'Sans sens'],
  'health.undeterminedWhat': [
    'Packets whose direction nothing told; they are counted as in. Local prefixes in the configuration tell it.',
    'Paquets dont rien ne dit le sens ; comptés en entrée. Les préfixes locaux de la configuration le disent.',
  ],

  'login.title': ['This appliance asks for a token', 'Cet équipement demande un jeton'],
  'login.ended': ['Your session has ended', 'Votre session a expiré'],
  'login.what': [
    'It is the token of the API, set where the appliance is configured. It is exchanged for a session that ends after 12 hours without use.',
    'C’est le jeton de l’API, défini dans la configuration de l’équipement. Il ouvre une session qui expire après 12 heures sans usage.',
  ],
  'login.token': ['Token', 'Jeton'],
  'login.submit': ['Log in', 'Se connecter'],
  'login.out': ['Log out', 'Se déconnecter'],
  'login.as': ['Logged in as {name}: {role}', 'Connecté : {name}, {role}'],
  'login.refused': ['That token was refused.', 'Ce jeton a été refusé.'],

  'tools.share': ['Share', 'Partager'],
  'tools.shareWhat': [
    'Copy the address of this very view, with a fixed range',
    'Copier l’adresse de cette vue, période figée',
  ],
  'tools.shared': ['The address is copied.', 'L’adresse est copiée.'],
  'tools.api': ['Copy API call', 'Copier l’appel d’API'],
  'tools.apiWhat': [
    'Copy the request that answers with the same numbers',
    'Copier la requête qui donne les mêmes nombres',
  ],
  'tools.apiCopied': ['The API call is copied.', 'L’appel d’API est copié.'],
  'tools.notCopied': [
    'The browser does not allow copying.',
    'Le navigateur ne permet pas de copier.',
  ],
  'tools.sql': ['Show SQL', 'Voir le SQL'],
  'tools.sqlWhat': [
    'What the store asks ClickHouse. User input reaches it as bound parameters only.',
    'Ce que le magasin demande à ClickHouse. Les saisies n’y arrivent qu’en paramètres liés.',
  ],
  'tools.sqlCopied': ['The SQL is copied.', 'Le SQL est copié.'],
  'tools.copy': ['Copy', 'Copier'],
  'tools.close': ['Close', 'Fermer'],
  'views.title': ['Views', 'Vues'],
  'views.name': ['Name of this view', 'Nom de cette vue'],
  'views.save': ['Save', 'Enregistrer'],
  'views.none': ['No view was saved yet.', 'Aucune vue n’est encore enregistrée.'],
  'views.remove': ['Delete the view {name}', 'Supprimer la vue {name}'],
  'views.operator': [
    'Only operators may save and delete views.',
    'Seuls les opérateurs peuvent enregistrer et supprimer des vues.',
  ],
} as const satisfies Record<string, Entry>;
