"""The words of the page itself, in each language: buttons, what it says while it waits, errors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from interaction.errors import ArgumentError, unknown_name

Texts = Mapping[str, str]

_ENGLISH = {
    "continue": "Continue",
    "agree": "I agree and want to take part",
    "send": "Send",
    "questions": "A few questions",
    "title": "A study",
    "again": "Try again",
    "choose": "Your choice",
    "required": "Please answer each question.",
    "rest": "A short break",
    "rest_why": "{done} of {total} games are done. Rest as long as you like, and go on when you are ready.",
    "begin": "Now it counts",
    "begin_why": "The practice is over. Number of games to come: {total}.",
    "practice": "Practice",
    "episode": "Game {number} of {total}",
    "done": "Done so far",
    "thinking": "Your partner is thinking …",
    "connecting": "Connecting …",
    "lost": "Connection lost. All that you did is kept. Trying again in {seconds} s.",
    "retry": "Try now",
    "back": "Connected again.",
    "replaced": "The study is open in another window",
    "replaced_why": "You can go on there. Or go on here, and the other window stops.",
    "take_over": "Go on here",
    "refused": "That was not accepted: {reason}",
    "apology": "We are sorry: something went wrong",
    "apology_why": "The fault is ours. All you did so far is kept. Please tell the researchers this code:",
    "blocked": "This session is closed",
    "blocked_why": "It was left before its end, and cannot be taken up again. What you did is kept.",
    "too_many": "Many are beginning just now",
    "too_many_why": "Please try again in a minute.",
    "end": "Thank you",
    "end_why": "You have finished. All that you did is kept, and you can close this window.",
    "code": "Your completion code",
    "link": "Complete the study",
    "copy": "Copy",
    "copied": "Copied.",
    "script": "This study needs JavaScript. Please allow it for this page, and load the page again.",
}

_GERMAN = {
    "continue": "Weiter",
    "agree": "Ich bin einverstanden und möchte teilnehmen",
    "send": "Absenden",
    "questions": "Einige Fragen",
    "title": "Eine Studie",
    "again": "Noch einmal versuchen",
    "choose": "Ihre Wahl",
    "required": "Bitte beantworten Sie jede Frage.",
    "rest": "Eine kurze Pause",
    "rest_why": ("{done} von {total} Spielen sind geschafft. Machen Sie weiter, wann Sie möchten."),
    "begin": "Jetzt zählt es",
    "begin_why": "Die Übung ist vorbei. So viele Spiele kommen jetzt: {total}.",
    "practice": "Übung",
    "episode": "Spiel {number} von {total}",
    "done": "Bisher geschafft",
    "thinking": "Ihr Gegenüber denkt nach …",
    "connecting": "Verbindung wird aufgebaut …",
    "lost": "Verbindung unterbrochen. Nichts ging verloren. Neuer Versuch in {seconds} s.",
    "retry": "Jetzt versuchen",
    "back": "Wieder verbunden.",
    "replaced": "Die Studie ist in einem anderen Fenster geöffnet",
    "replaced_why": "Sie können dort weitermachen. Oder hier, dann hält das andere Fenster an.",
    "take_over": "Hier weitermachen",
    "refused": "Das wurde nicht angenommen: {reason}",
    "apology": "Es tut uns leid: Etwas ist schiefgegangen",
    "apology_why": (
        "Der Fehler liegt bei uns. Was Sie bisher getan haben, ist gespeichert. Bitte nennen Sie den "
        "Forschenden diesen Code:"
    ),
    "blocked": "Diese Sitzung ist geschlossen",
    "blocked_why": (
        "Sie wurde vor dem Ende verlassen und kann nicht fortgesetzt werden. Was Sie getan haben, ist "
        "gespeichert."
    ),
    "too_many": "Gerade beginnen viele",
    "too_many_why": "Bitte versuchen Sie es in einer Minute noch einmal.",
    "end": "Vielen Dank",
    "end_why": "Sie sind fertig. Alles ist gespeichert, und Sie können dieses Fenster schließen.",
    "code": "Ihr Abschlusscode",
    "link": "Studie abschließen",
    "copy": "Kopieren",
    "copied": "Kopiert.",
    "script": "Diese Studie braucht JavaScript. Bitte erlauben Sie es für diese Seite und laden Sie sie neu.",
}

_FRENCH = {
    "continue": "Continuer",
    "agree": "J’accepte et je souhaite participer",
    "send": "Envoyer",
    "questions": "Quelques questions",
    "title": "Une étude",
    "again": "Réessayer",
    "choose": "Votre choix",
    "required": "Merci de répondre à chaque question.",
    "rest": "Une courte pause",
    "rest_why": "{done} parties sur {total} sont jouées. Reprenez quand vous voulez.",
    "begin": "Maintenant, cela compte",
    "begin_why": "L’essai est terminé. Nombre de parties à venir : {total}.",
    "practice": "Essai",
    "episode": "Partie {number} sur {total}",
    "done": "Déjà fait",
    "thinking": "Votre partenaire réfléchit…",
    "connecting": "Connexion en cours…",
    "lost": "Connexion perdue. Tout ce que vous avez fait est conservé. Nouvel essai dans {seconds} s.",
    "retry": "Essayer maintenant",
    "back": "De nouveau connecté.",
    "replaced": "L’étude est ouverte dans une autre fenêtre",
    "replaced_why": "Vous pouvez continuer là-bas. Ou ici, et l’autre fenêtre s’arrête.",
    "take_over": "Continuer ici",
    "refused": "Cela n’a pas été accepté : {reason}",
    "apology": "Nous sommes désolés : une erreur s’est produite",
    "apology_why": (
        "L’erreur vient de nous. Tout ce que vous avez fait est conservé. Merci d’en dire le code :"
    ),
    "blocked": "Cette session est fermée",
    "blocked_why": (
        "Elle a été quittée avant la fin et ne peut pas être reprise. Ce que vous avez fait est conservé."
    ),
    "too_many": "Beaucoup commencent en ce moment",
    "too_many_why": "Merci de réessayer dans une minute.",
    "end": "Merci",
    "end_why": "Vous avez terminé. Tout est conservé, et vous pouvez fermer cette fenêtre.",
    "code": "Votre code de fin",
    "link": "Terminer l’étude",
    "copy": "Copier",
    "copied": "Copié.",
    "script": "Cette étude a besoin de JavaScript. Merci de l’autoriser, puis de recharger la page.",
}

TEXTS: Mapping[str, Texts] = MappingProxyType(
    {
        language: MappingProxyType({"language": language, **words})
        for language, words in {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH}.items()
    }
)
"""The words of each language that is there: English, German and French."""


def texts_of(language: str = "en", changes: Texts | None = None) -> Texts:
    """Give the words of a language, with changes; a language that `TEXTS` has not must bring all of them.

    Raises `UnknownNameError` for a word that no page has, and `ArgumentError` for a language that lacks
    words.

    >>> from interaction.people.texts import texts_of
    >>> texts_of("de", {"thinking": "Der Computer rechnet …"})["thinking"]
    'Der Computer rechnet …'
    >>> texts_of("fi", {"continue": "Jatka"})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    interaction.errors.ArgumentError: texts: 'fi' is none of de, en, fr, so it needs all words; it lacks ...
    """
    given = dict(changes or {})
    for name in given:
        if name not in _ENGLISH:
            raise unknown_name(name, _ENGLISH, "texts")
    words = {"language": language, **TEXTS.get(language, {}), **given}
    lacking = [name for name in _ENGLISH if name not in words]
    if lacking:
        raise ArgumentError(
            f"texts: {language!r} is none of {', '.join(sorted(TEXTS))}, so it needs all words; it lacks "
            f"{', '.join(lacking)}"
        )
    return words
